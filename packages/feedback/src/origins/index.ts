/** Every recognition table, and which one fits a report. */
import type { Fields } from '../fields.ts';
import * as carriers from './carriers.ts';
import * as gateways from './gateways.ts';
import type { OriginTable, Sign } from './origin-table.ts';
import * as providers from './providers.ts';
import * as servers from './servers.ts';

/** Those that sign with their name first, then the software that many run. */
const originTables: readonly OriginTable[] = [
  providers.gmail,
  providers.yandex,
  providers.mailru,
  providers.zoho,
  providers.ses,
  carriers.docomo,
  carriers.au,
  carriers.softbank,
  carriers.biglobe,
  carriers.mfilter,
  providers.yahoo,
  providers.aol,
  providers.gmx,
  providers.apple,
  providers.qq,
  providers.coremail,
  providers.facebook,
  providers.sendgrid,
  providers.mailgun,
  providers.verizon,
  providers.bigfoot,
  gateways.messagelabs,
  gateways.mimecast,
  gateways.barracuda,
  gateways.proofpoint,
  gateways.ironport,
  gateways.mailmarshal,
  gateways.surfcontrol,
  gateways.mailfoundry,
  gateways.interscan,
  gateways.sonicwall,
  gateways.vade,
  gateways.amavis,
  providers.outlook,
  providers.sparkpost,
  servers.domino,
  servers.hmailserver,
  servers.mailenable,
  servers.mdaemon,
  servers.james,
  servers.opensmtpd,
  servers.messagingServer,
  servers.communigate,
  servers.groupwise,
  servers.imail,
  servers.netscape,
  servers.phquery,
  servers.dovecot,
  servers.exchange,
  servers.smtpGateway,
  servers.postfix,
  gateways.mcafee,
  servers.exim,
  servers.qmail,
  servers.courier,
  servers.sendmail,
  providers.powermta,
  servers.mercury,
];

/** Every origin that a report may name. */
export const originNames: readonly string[] = originTables.map(({ origin }) => origin);

/** What signs are looked for in. */
export interface Evidence {
  /** Address of the author; empty: there is none. */
  readonly from: string;
  readonly subject: string;
  readonly fields: Fields;
  /** Words of the report without the returned message. */
  readonly words: string;
  /** Fields of the delivery status; undefined: there is none. */
  readonly status: Fields | undefined;
}

/** Characters of the words that signs are looked for in. */
const mostWords = 10_000;

const oneMatches = (values: readonly string[] | undefined, pattern: RegExp): boolean =>
  values?.some((value) => pattern.test(value.slice(0, 2_000))) === true;

const fits = (sign: Sign, { from, subject, fields, words, status }: Evidence): boolean =>
  (sign.from === undefined || sign.from.test(from)) &&
  (sign.subject === undefined || sign.subject.test(subject)) &&
  (sign.field === undefined || oneMatches(fields.get(sign.field[0]), sign.field[1])) &&
  (sign.status === undefined || oneMatches(status?.get(sign.status[0]), sign.status[1])) &&
  (sign.text === undefined || sign.text.test(words));

/** The table whose signs the report bears; undefined: none. */
export const originOf = (evidence: Evidence): OriginTable | undefined => {
  const short = {
    ...evidence,
    words: evidence.words.slice(0, mostWords),
    subject: evidence.subject.slice(0, 500),
  };
  return originTables.find(({ signs }) => signs.some((sign) => fits(sign, short)));
};
