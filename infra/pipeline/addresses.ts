/** Which ports and loopback addresses a local installation uses. */
import { assertPortFree, freePorts } from '../stack/ports.ts';

/** Ports of the services; those of Kafka, the registry and Redis are the stack's. */
export interface PipelinePorts {
  readonly ingestHttp: number;
  readonly ingestSmtp: number;
  readonly sandboxHttp: number;
  /** The same on each address of the sandbox ISPs. */
  readonly sandboxSmtp: number;
  readonly sandboxDns: number;
  /** Inbound SMTP of feedback: also the port that the sandbox ISPs report to. */
  readonly feedbackSmtp: number;
  readonly feedbackHttp: number;
  /** First of the /metrics servers, one port a service; 0: any free ones. */
  readonly metrics: number;
}

/** Where an installation's ports begin unless MILLRACE_PORT_BASE says otherwise. */
export const defaultPortBase = 7400;

/** Below the ports that systems hand out by themselves, and above those of well-known services. */
export const portBaseRange = { from: 1_024, to: 65_000 } as const;

/** The service ports counted from `base`. */
export const pipelinePortsFrom = (base: number): PipelinePorts => ({
  ingestHttp: base,
  ingestSmtp: base + 1,
  sandboxHttp: base + 2,
  sandboxSmtp: base + 3,
  sandboxDns: base + 4,
  feedbackSmtp: base + 9,
  feedbackHttp: base + 20,
  metrics: base + 10,
});

/** Ports that were free a moment ago. */
export async function freePipelinePorts(): Promise<PipelinePorts> {
  const [
    ingestHttp = 0,
    ingestSmtp = 0,
    sandboxHttp = 0,
    sandboxSmtp = 0,
    sandboxDns = 0,
    feedbackSmtp = 0,
    feedbackHttp = 0,
  ] = await freePorts(7, ['127.0.0.1', sandboxAddress]);
  return {
    ...{ ingestHttp, ingestSmtp, sandboxHttp, sandboxSmtp, sandboxDns, feedbackSmtp, feedbackHttp },
    metrics: 0,
  };
}

/** The first address of the sandbox ISPs. */
export const sandboxAddress = '127.0.1.10';

/** Sending addresses of the local installation: loopback addresses on which nothing listens. */
export const localSources = {
  realtime: [
    { name: 'realtime-1', address: '127.0.3.1', ehlo: 'mta-r1.millrace.test' },
    { name: 'realtime-2', address: '127.0.3.2', ehlo: 'mta-r2.millrace.test' },
  ],
  batch: [
    { name: 'batch-1', address: '127.0.3.11', ehlo: 'mta-b1.millrace.test' },
    { name: 'batch-2', address: '127.0.3.12', ehlo: 'mta-b2.millrace.test' },
  ],
} as const;

/** Throws a UserError (`ERR_PORT_IN_USE`) unless every port of the services can be bound. */
export async function assertPipelinePortsFree(ports: PipelinePorts): Promise<void> {
  await assertPortFree('127.0.0.1', ports.ingestHttp, 'the HTTP API');
  await assertPortFree('127.0.0.1', ports.ingestSmtp, 'SMTP submission');
  await assertPortFree('127.0.0.1', ports.sandboxHttp, 'the sandbox page');
  await assertPortFree(sandboxAddress, ports.sandboxSmtp, 'the sandbox providers');
  await assertPortFree('127.0.0.1', ports.sandboxDns, "the sandbox's DNS");
  await assertPortFree('127.0.0.1', ports.feedbackSmtp, 'inbound SMTP of feedback');
  await assertPortFree('127.0.0.1', ports.feedbackHttp, 'unsubscribe pages');
  if (ports.metrics === 0) return;
  for (const [index, name] of metricsOrder.entries())
    await assertPortFree('127.0.0.1', ports.metrics + index, `the metrics of ${name}`);
}

/** Services in the order of their metrics ports. */
export const metricsOrder: readonly string[] = [
  'ingest',
  'router-realtime',
  'router-batch',
  'scheduler',
  'delivery-realtime',
  'delivery-batch',
  'sandbox',
  'shaper',
  'feedback',
  'webhooks',
];
