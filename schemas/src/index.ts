/** The contracts between services: Avro schemas and the types generated from them. */
export * from './generated.ts';

import type { Records } from './generated.ts';

/** Name of a root record. */
export type RecordName = keyof Records;
