/** Container health check: asks the service's own /readyz, whose address the service wrote to MILLRACE_HEALTH_FILE. */
import { readFileSync } from 'node:fs';

const file = process.env.MILLRACE_HEALTH_FILE;
if (!file) throw new Error('MILLRACE_HEALTH_FILE is not set: there is no address to ask.');
const { url }: { url: string } = JSON.parse(readFileSync(file, 'utf8'));
const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
process.exit(response.ok ? 0 : 1);
