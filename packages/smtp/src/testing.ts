/** For the tests of others: certificates, and proxies on loopback. */
export { headerProxy, type SocksScript, socksServer, type TestProxy } from './proxy/test-proxies.ts';
export { type TestAuthority, type TestCertificate, testAuthority } from './test-certificates.ts';
