/** What is known of a session's encryption, for logs and events. */
export interface TlsFacts {
  /** `TLSv1.3`. */
  readonly protocol: string;
  /** IANA name of the cipher suite. */
  readonly cipher: string;
  /** The chain leads to a trusted authority and the certificate names the host. */
  readonly verified: boolean;
  /** Why not, as OpenSSL and Node name it (`SELF_SIGNED_CERT_IN_CHAIN`, `ERR_TLS_CERT_ALTNAME_INVALID`). */
  readonly verifyError: string | null;
  /** Common name of the certificate, or its first alternative name. */
  readonly subject: string | null;
  /** Common name of who signed it. */
  readonly issuer: string | null;
  /** End of the certificate's life, ISO 8601. */
  readonly expires_at: string | null;
  /** An earlier session's keys were taken up again. */
  readonly resumed: boolean;
}
