/** Japanese mobile carriers and providers. */
import { lines, type OriginTable } from './origin-table.ts';

export const docomo: OriginTable = {
  origin: 'docomo',
  signs: [
    { from: /@(?:[\w-]+\.)*docomo\.ne\.jp$/i },
    { status: ['reporting-mta', /docomo\.ne\.jp$/i] },
    { text: /Could not be delivered to:\s{1,6}<{1,2}/i },
  ],
  recipients: [
    lines(String.raw`Could not be delivered to:\s{1,12}<?ADDR`),
    lines(String.raw`^[ \t]{0,8}<?ADDR>?[ \t]*$`),
  ],
};

export const au: OriginTable = {
  origin: 'au',
  signs: [
    { from: /@(?:[\w-]+\.)*(?:ezweb|au|dion)\.(?:ne\.jp|com)$/i },
    {
      field: ['received', /\bfrom \S{0,100}ezweb\.ne\.jp\b/i],
      subject: /mail system error|returned|undeliver|failure/i,
    },
    { text: /The user\(s\) account is (?:disabled|temporarily)|次のあて先へのメッセージはエラーのため/i },
  ],
  recipients: [
    lines(String.raw`Recipient:[ \t]{0,4}ADDR`),
    lines(String.raw`RCPT TO:[ \t]?ADDR`),
    lines(String.raw`^[ \t]{0,8}ADDR(?:[ \t]*$|:)`),
  ],
};

export const softbank: OriginTable = {
  origin: 'softbank',
  signs: [
    {
      from: /@(?:[\w-]+\.)*(?:softbank|vodafone|disney|jp-[a-z])\.ne\.jp$|@(?:[\w-]+\.)*(?:softbank\.jp|i\.softbank\.jp|ymobile\.ne\.jp)$/i,
    },
    { status: ['reporting-mta', /(?:softbank|vodafone)\.(?:ne\.)?jp$/i] },
  ],
  recipients: [
    lines(String.raw`(?:Recipient address|Original address):[ \t]{0,4}ADDR`),
    lines(String.raw`^[ \t]{0,8}ADDR[: \t]*$`),
  ],
};

export const biglobe: OriginTable = {
  origin: 'biglobe',
  signs: [
    { from: /@(?:[\w-]+\.)*biglobe\.ne\.jp$/i },
    { text: /-{5,} The following addresses had delivery problems -{5,}/i },
  ],
  recipients: [
    lines(String.raw`had delivery problems -{3,}\s{1,6}ADDR`),
    lines(String.raw`^[ \t]{0,8}ADDR[ \t]*$`),
  ],
};

export const mfilter: OriginTable = {
  origin: 'm-filter',
  signs: [{ field: ['x-mailer', /m-FILTER/i] }, { text: /「m-FILTER」/ }],
  recipients: [lines(String.raw`失敗しました。\s{1,6}ADDR`), lines(String.raw`^[ \t]{0,8}ADDR[ \t]*$`)],
};
