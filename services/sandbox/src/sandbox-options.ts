import { join } from 'node:path';
import type { Config } from '@millrace/service';
import { readBehaviours } from './behaviours.ts';
import type { SandboxOptions } from './options.ts';

/** The options that the configuration asks for. Reads the behaviour file; throws BehaviourError for what is wrong in it. */
export async function sandboxOptions(
  config: Pick<Config, 'sandbox' | 'state_directory'>,
): Promise<SandboxOptions> {
  const { sandbox } = config;
  return {
    http: sandbox.http,
    smtpPort: sandbox.smtp_port,
    dnsPort: sandbox.dns_port,
    ...(sandbox.behaviour_file ? { behaviours: await readBehaviours(sandbox.behaviour_file) } : {}),
    publish: sandbox.publish,
    keep: sandbox.keep,
    keepMessages: sandbox.keep_messages,
    keepBytes: sandbox.keep_bytes,
    keepArrivals: sandbox.keep_arrivals,
    verify: sandbox.verify,
    ...(sandbox.answers === undefined
      ? {}
      : {
          answers: {
            smtp: sandbox.answers.smtp,
            http: sandbox.answers.http,
            complaintAddress: sandbox.answers.complaint_address,
          },
        }),
    stateDirectory: join(config.state_directory, 'sandbox'),
  };
}
