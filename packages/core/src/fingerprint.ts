/** 64 bits of a text, by which it is told from a hundred million others. */

/** Two words of 32 bits. */
export interface Fingerprint {
  high: number;
  low: number;
}

/** Between the parts: no part holds it. */
const separator = 0x1_0000;

/**
 * Of tenant, list ('': none) and address: two multiply-xor lanes, finished as MurmurHash3 does. Written into `into`, so that
 * a look-up makes nothing. `seed`: any 32-bit number, secret to the process, so that nobody can choose texts that collide.
 */
export const fingerprint = (
  seed: number,
  tenant: string,
  list: string,
  address: string,
  into: Fingerprint,
): void => {
  let a = seed ^ 0xdeadbeef;
  let b = seed ^ 0x41c6ce57;
  for (let index = 0; index < tenant.length; index++) {
    const unit = tenant.charCodeAt(index);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  a = Math.imul(a ^ separator, 0x9e3779b1);
  b = Math.imul(b ^ separator, 0x5f356495);
  if (list !== '') {
    for (let index = 0; index < list.length; index++) {
      const unit = list.charCodeAt(index);
      a = Math.imul(a ^ unit, 0x9e3779b1);
      b = Math.imul(b ^ unit, 0x5f356495);
    }
    a = Math.imul(a ^ separator, 0x9e3779b1);
    b = Math.imul(b ^ separator, 0x5f356495);
  }
  for (let index = 0; index < address.length; index++) {
    const unit = address.charCodeAt(index);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
    a ^= a >>> 15;
    b ^= b >>> 13;
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  into.high = (a ^ (a >>> 16)) >>> 0;
  into.low = (b ^ (b >>> 16)) >>> 0;
};
