/** Events of messages to the endpoints of their tenants. */
export {};
