/** Mailbox providers that have a shard of their own; every other domain shares `other`. */
export const isps = [
  'gmail',
  'yahoo',
  'yahoo-jp',
  'outlook',
  'office365',
  'apple',
  'comcast',
  'gmx',
  'orange',
  'mimecast',
  'proofpoint',
  'other',
] as const;

export type Isp = (typeof isps)[number];
