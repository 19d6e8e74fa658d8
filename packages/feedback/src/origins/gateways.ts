/** Filters and gateways in front of the servers. */
import { lines, type OriginTable } from './origin-table.ts';

export const mimecast: OriginTable = {
  origin: 'mimecast',
  signs: [
    { from: /@(?:[\w-]+\.)*mimecast(?:-offshore)?\.(?:com|co\.za|org)$/i },
    { status: ['reporting-mta', /mimecast/i] },
    { field: ['x-mimecast-bounce', /./] },
    { field: ['x-mc-system', /./], subject: /undeliver|delivery|notification/i },
    {
      field: ['received', /\bby \S{0,100}mimecast\.\S{2,20} with\b/i],
      subject: /undeliverable|delivery (?:failure|status)/i,
    },
  ],
};

export const barracuda: OriginTable = {
  origin: 'barracuda',
  signs: [
    { from: /@(?:[\w-]+\.)*barracuda(?:networks)?\.com$/i },
    { status: ['reporting-mta', /barracuda/i] },
    { field: ['x-barracuda-connect', /./], subject: /undeliver|returned|fail|blocked|rejected/i },
    { text: /\bBarracuda\b[^\n]{0,80}(?:blocked|rejected|firewall|spam)/i },
    { subject: /^\*\*message you sent blocked by our bulk email filter\*\*/i },
  ],
  recipients: [lines(String.raw`Your message to:?[ \t]{0,4}ADDR`), lines(String.raw`^[ \t]{0,8}ADDR[ \t]*$`)],
};

export const proofpoint: OriginTable = {
  origin: 'proofpoint',
  signs: [
    { from: /@(?:[\w-]+\.)*(?:pphosted|ppe-hosted|proofpoint|ppops)\.(?:com|net)$/i },
    { status: ['reporting-mta', /(?:pphosted|ppe-hosted|proofpoint|ppops)\.(?:com|net)/i] },
  ],
};

export const messagelabs: OriginTable = {
  origin: 'messagelabs',
  signs: [
    { from: /@(?:[\w-]+\.)*(?:messagelabs|symanteccloud)\.(?:com|net)$/i },
    { status: ['reporting-mta', /messagelabs\.com|symanteccloud/i] },
    { text: /This is the mail delivery agent at (?:\S+\.)?messagelabs|mail delivery agent at Symantec/i },
  ],
  recipients: [
    lines(String.raw`unable to deliver your message to the following addresses[.:]?\s{1,12}ADDR`),
    lines(String.raw`^[ \t]{0,8}ADDR:?[ \t]*$`),
  ],
};

export const ironport: OriginTable = {
  origin: 'ironport',
  signs: [
    { status: ['reporting-mta', /\biphmx\.com|ironport/i] },
    { text: /^The following message to <[^<>\n]{3,320}> was undeliverable\./im },
  ],
  recipients: [lines('^The following message to ADDR was undeliverable')],
};

export const interscan: OriginTable = {
  origin: 'interscan',
  signs: [
    { field: ['received', /InterScan/i], text: /Sent <<<|Unable to deliver message to/i },
    { text: /^Unable to deliver message to <\S{3,320}>(?: \(and other recipients in the same domain\))?/im },
    { text: /^(?:Sent >>>|Sent <<<) RCPT TO|Message from InterScan/im },
  ],
  recipients: [lines('Unable to deliver message to ADDR'), lines(String.raw`RCPT TO:[ \t]?ADDR`)],
};

export const mailmarshal: OriginTable = {
  origin: 'mailmarshal',
  signs: [
    { field: ['received', /MailMarshal/i] },
    {
      text: /Could not be delivered because of\s{1,6}[^\n]{1,200}\s{1,6}The following recipients were affected/i,
    },
  ],
  recipients: [
    lines(String.raw`The following recipients were affected:?\s{1,12}ADDR`),
    lines(String.raw`^[ \t]{2,12}ADDR[ \t]*$`),
  ],
};

export const surfcontrol: OriginTable = {
  origin: 'surfcontrol',
  signs: [{ text: /The number of attempts made: \d/i }, { field: ['x-mailer', /SurfControl|WebSense/i] }],
  recipients: [lines(String.raw`Addressed To:[ \t]{0,4}ADDR`)],
};

export const mailfoundry: OriginTable = {
  origin: 'mailfoundry',
  signs: [
    { text: /^Unable to deliver message to:\s{1,4}<\S{3,320}>/im },
    { field: ['received', /MAILFOUNDRY/i], subject: /message delivery has failed/i },
  ],
  recipients: [lines(String.raw`Unable to deliver message to:\s{1,4}ADDR`)],
};

export const mcafee: OriginTable = {
  origin: 'mcafee',
  signs: [
    { field: ['x-nai-header', /McAfee|Virex/i] },
    { text: /The following addresses had delivery problems:/i },
    { text: /mxlogic|MX Logic/i },
  ],
  recipients: [
    lines(
      String.raw`(?:had delivery problems:|--- The following addresses had delivery problems ---)\s{1,8}ADDR`,
    ),
    lines(String.raw`^[ \t]{0,8}ADDR[ \t:]*$`),
  ],
};

export const sonicwall: OriginTable = {
  origin: 'sophos-sonicwall',
  signs: [
    { status: ['reporting-mta', /sophos|sonicwall|reflexion/i] },
    { from: /@(?:[\w-]+\.)*(?:sophos|reflexion)\.(?:com|net)$/i, subject: /undeliver|fail/i },
  ],
};
