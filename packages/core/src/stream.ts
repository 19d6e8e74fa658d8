/** The two streams. */
export type Stream = 'realtime' | 'batch';

export const streams: readonly Stream[] = ['realtime', 'batch'];

export const isStream = (value: string): value is Stream => value === 'realtime' || value === 'batch';
