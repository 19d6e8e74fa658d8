/** Memory of a process's requests and answers, used again: idle are at most 2 MiB for requests, 8 MiB for each of the others. */
import { ReusedMemory } from '@millrace/core';

const memoryOf = (maxIdleBytes: number): ReusedMemory =>
  new ReusedMemory({ smallestBytes: 4_096, largestBytes: 8_388_608, maxIdleBytes });

export const requestMemory = memoryOf(2_097_152);
export const answerMemory = memoryOf(8_388_608);
/** For records that are fetched and wait for their turn, or are handed out. */
export const waitingMemory = memoryOf(8_388_608);
