/** The sandbox as the place where every mail of a benchmark ends: how many came, and when each did. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SandboxStats } from '@millrace/sandbox';

/** One mail that was accepted. */
export interface Arrival {
  /** Epoch ms with microseconds. */
  readonly at: number;
  readonly to: string;
}

export interface Arrived {
  /** When the first copy came, epoch ms with microseconds, by recipient. */
  readonly at: ReadonlyMap<string, number>;
  /** Copies beyond the first. */
  readonly duplicates: number;
  /** The last mail, epoch ms. */
  readonly lastAt: number;
}

/** The clock that the sandbox stamps arrivals with. */
export const preciseNow = (): number => performance.timeOrigin + performance.now();

export class Sink {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Mails accepted since the last `clear`. */
  async accepted(): Promise<number> {
    return (await this.#stats()).accepted;
  }

  /** Waits until that many mails are there, or until none came for `quietMs`: what is missing then is lost. */
  async until(count: number, { pollMs = 250, quietMs = 60_000 } = {}): Promise<number> {
    let seen = -1;
    let seenAt = performance.now();
    for (;;) {
      const accepted = await this.accepted();
      if (accepted >= count) return accepted;
      if (accepted > seen) [seen, seenAt] = [accepted, performance.now()];
      else if (performance.now() - seenAt > quietMs) return accepted;
      await sleep(pollMs);
    }
  }

  /** Waits until `count` different recipients of that name have their mail, or none of them got one for `quietMs`. */
  async untilNamed(name: string, count: number, { pollMs = 250, quietMs = 60_000 } = {}): Promise<void> {
    const seen = new Set<string>();
    let after = 0;
    for (let seenAt = performance.now(); performance.now() - seenAt < quietMs; await sleep(pollMs)) {
      const before = seen.size;
      for (const { at, to } of await this.arrivals(after)) {
        after = Math.max(after, at);
        if (to.startsWith(`${name}-`)) seen.add(to);
      }
      if (seen.size >= count) return;
      if (seen.size > before) seenAt = performance.now();
    }
  }

  async arrived(): Promise<Arrived> {
    const at = new Map<string, number>();
    let [duplicates, lastAt] = [0, 0];
    for (const arrival of await this.arrivals()) {
      lastAt = Math.max(lastAt, arrival.at);
      if (at.has(arrival.to)) duplicates += 1;
      else at.set(arrival.to, arrival.at);
    }
    return { at, duplicates, lastAt };
  }

  /** Every mail that came since the last `clear`, or after that time; in the order in which they were accepted. */
  async arrivals(after = 0): Promise<readonly Arrival[]> {
    const response = await fetch(`${this.#url}/arrivals?after=${after}`);
    const lines = (await response.text()).split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line));
  }

  /** Most connections that the ISP ever had open at once from that address since the last `clear`. */
  async mostConnections(isp: string, address: string): Promise<number> {
    return (await this.#stats()).isps[isp]?.sources[address]?.max_open ?? 0;
  }

  /** Mails that the ISP has deferred since the last `clear`. */
  async deferred(isp: string): Promise<number> {
    const { isps } = await this.#stats();
    return Object.values(isps[isp]?.mails.deferred ?? {}).reduce((sum, count) => sum + count, 0);
  }

  async behave(isp: string, behaviour: object): Promise<void> {
    const response = await fetch(`${this.#url}/behaviour/${isp}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(behaviour),
    });
    if (!response.ok) throw new Error(`PUT /behaviour/${isp}: ${response.status} ${await response.text()}`);
  }

  async clear(): Promise<void> {
    await (await fetch(`${this.#url}/messages`, { method: 'DELETE' })).arrayBuffer();
  }

  async #stats(): Promise<Pick<SandboxStats, 'accepted' | 'isps'>> {
    const response = await fetch(`${this.#url}/stats?history=false`);
    return JSON.parse(await response.text());
  }
}
