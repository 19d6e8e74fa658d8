/** Mailbox providers and senders' services. */
import { lines, type OriginTable } from './origin-table.ts';

export const gmail: OriginTable = {
  origin: 'gmail',
  signs: [
    { from: /^mailer-daemon@(?:googlemail|gmail|google)\.com$/i },
    {
      text: /Google tried to deliver your message|Gmail will retry|The error that the other server returned was/i,
    },
    { text: /Technical details of (?:permanent|temporary) failure/i },
    { status: ['reporting-mta', /\bgoogle(?:mail)?\.com$/i] },
  ],
  recipients: [
    lines(
      String.raw`Delivery to the following recipients?(?: has)?(?: been)? (?:failed permanently|delayed):\s{1,20}ADDR`,
    ),
    lines(
      String.raw`(?:wasn't delivered to|delivering your message to|couldn't be delivered to|address)[ \n]{1,4}ADDR`,
    ),
    lines(String.raw`^[ \t]{2,12}ADDR[ \t]*$`),
  ],
};

export const outlook: OriginTable = {
  origin: 'outlook',
  signs: [
    { from: /^(?:postmaster|mailer-daemon)@(?:[\w-]+\.)*(?:hotmail|outlook|live|msn)\.(?:com|[a-z]{2})$/i },
    { status: ['reporting-mta', /\.(?:outlook|hotmail)\.com\b/i] },
    {
      field: ['x-ms-exchange-crosstenant-originalarrivaltime', /./],
      subject: /undeliverable|undelivered|unzustellbar|non remis|delivery/i,
    },
    { text: /Office 365|prod\.outlook\.com|Microsoft 365/i, subject: /undeliverable|unzustellbar|delivery/i },
  ],
  recipients: [
    lines(String.raw`Delivery to the following recipients? (?:failed|has been delayed)\.?\s{1,20}ADDR`),
    lines(`(?:Your message to|message to) ADDR (?:couldn't|could not|wasn't|was not)`),
    lines(String.raw`^[ \t]{0,12}(?:[^\n<>()]{1,100}\()?ADDR\)?[ \t]*(?:$|<mailto:)`),
  ],
};

export const yahoo: OriginTable = {
  origin: 'yahoo',
  signs: [
    {
      from: /^(?:mailer-daemon|postmaster)@(?:[\w-]+\.)*(?:yahoo(?:-inc)?|yahoodns|ymail|rocketmail)\.(?:com|net|[a-z]{2}|co\.[a-z]{2}|com\.[a-z]{2})$/i,
    },
    { text: /^Message from\s{1,4}yahoo\S{1,60}/im },
    { field: ['x-ymailisg', /./], text: /unable to deliver/i },
    { text: /Unable to deliver message to the following address(?:es)?\(?e?s?\)?\./i },
    { text: /Sorry, we were unable to deliver your message to the following address/i },
  ],
  recipients: [
    lines(String.raw`^[ \t]{0,4}ADDR:[ \t]*$`),
    lines(String.raw`^[ \t]{0,4}ADDR:`),
    lines(String.raw`following address(?:es)?\(?e?s?\)?\.?\s{1,12}ADDR`),
  ],
};

export const aol: OriginTable = {
  origin: 'aol',
  signs: [
    { from: /^(?:mailer-daemon|postmaster)@(?:[\w-]+\.)*aol\.(?:com|net)$/i },
    { status: ['reporting-mta', /\baol\.com$/i] },
    {
      text: /Your mail to the following recipients could not be delivered because they are not accepting mail/i,
    },
  ],
  recipients: [
    lines(String.raw`^[ \t]{0,8}ADDR[ \t]*$`),
    lines(
      String.raw`not accepting mail from [^\n]{1,320}\n(?:[ \t]*\n)?[ \t]{0,20}(?<local>[\w.+-]{1,64})[ \t]*$`,
    ),
    lines(
      String.raw`could not be delivered because[^\n]{0,320}\n(?:[^\n]{0,320}\n)?(?:[ \t]*\n)?[ \t]{1,20}(?<local>[\w.+-]{1,64})[ \t]*$`,
    ),
  ],
};

export const ses: OriginTable = {
  origin: 'ses',
  signs: [
    { from: /@(?:[\w-]+\.)*amazonses\.com$/i },
    { status: ['reporting-mta', /amazonses\.com|smtp-out\.(?:[\w-]+\.)?amazonaws|amazonaws\.com/i] },
    { field: ['x-ses-outgoing', /./], subject: /delivery|undeliver|failure/i },
    { field: ['received', /amazonses\.com/i], subject: /delivery status notification|undeliver|failure/i },
  ],
  recipients: [
    lines(String.raw`following recipients?:\s{1,12}ADDR`),
    lines(String.raw`^[ \t]{0,8}ADDR[ \t]*$`),
  ],
};

export const zoho: OriginTable = {
  origin: 'zoho',
  signs: [
    { from: /^mailer-daemon@(?:mail\.)?zoho\.(?:com|eu|in)$|@(?:[\w-]+\.)*zoho(?:mail)?\.\w+$/i },
    { text: /\bERROR_CODE ?:|\[Status: Error, Address:/ },
    { field: ['x-zohomail', /./], subject: /undelivered|failure|delay/i },
    { field: ['x-zohomailclient', /./], subject: /undelivered|failure|delay/i },
  ],
  recipients: [
    lines(String.raw`\[Status: Error, Address: ADDR(?<diagnostic>[^\]\n]{0,400})`),
    lines(String.raw`^[ \t]{0,4}ADDR,[ \t]{0,4}(?<diagnostic>ERROR_CODE[^\n]{0,400})`),
    lines(String.raw`^[ \t]{0,4}ADDR[ \t]{0,4}[,:]?[ \t]*`),
  ],
};

export const yandex: OriginTable = {
  origin: 'yandex',
  signs: [
    { from: /^mailer-daemon@(?:[\w-]+\.)*(?:yandex\.\w+(?:\.\w+)?|ya\.ru)$/i },
    { status: ['reporting-mta', /yandex\.(?:net|ru|com)/i] },
    { text: /mail system at host (?:\S+\.)?yandex/i },
  ],
  recipients: [lines('^ADDR:'), lines(String.raw`^[ \t]{0,8}ADDR:[ \t]`)],
};

export const mailru: OriginTable = {
  origin: 'mailru',
  signs: [
    { from: /^mailer-daemon@(?:[\w-]+\.)*(?:mail\.ru|inbox\.ru|list\.ru|bk\.ru|mail\.ru)$/i },
    { text: /создано автоматически сервером Mail\.Ru/i },
    { status: ['reporting-mta', /\.mail\.ru$/i] },
  ],
  recipients: [
    lines(String.raw`^ {1,4}ADDR[ \t]*$`),
    lines(String.raw`^ {1,4}ADDR\b`),
    lines('RCPT TO:ADDR'),
    lines(String.raw`^\s{0,6}ADDR: `),
  ],
};

export const gmx: OriginTable = {
  origin: 'gmx',
  signs: [
    {
      from: /^(?:mailer-daemon|postmaster)@(?:[\w-]+\.)*(?:gmx\.\w+|web\.de|1und1\.\w+|kundenserver\.de|perfora\.net|ionos\.\w+|mail\.com)$/i,
    },
    { field: ['x-gmx-antispam', /./], subject: /delivery fail|failure|returning/i },
    { field: ['x-ui-out-filterresults', /./], subject: /delivery fail|failure|returning/i },
    { text: /The following address(?:es)?\s{1,2}failed:\s{1,6}<?\S{3,320}>?:?\s{1,6}Reason:/i },
  ],
  recipients: [lines(String.raw`^[ \t]{0,4}ADDR:?[ \t]*$`)],
};

export const apple: OriginTable = {
  origin: 'apple',
  signs: [
    { from: /^(?:postmaster|mailer-daemon)@(?:[\w-]+\.)*(?:icloud|me|mac|apple)\.com$/i },
    { status: ['reporting-mta', /\.(?:icloud|me|mac|apple)\.com$/i] },
  ],
};

export const qq: OriginTable = {
  origin: 'qq',
  signs: [
    { from: /^(?:postmaster|mailer-daemon|10000)@(?:[\w-]+\.)*(?:qq|foxmail)\.com$/i },
    { text: /抱歉，您的邮件被退回来了/ },
  ],
  recipients: [
    lines(String.raw`(?:无法发送到|收\s?件\s?人|收信人)[：: \t]{0,6}(?:"[^"\n]{0,60}")?\s{0,4}ADDR`),
  ],
};

export const coremail: OriginTable = {
  origin: 'coremail',
  signs: [
    {
      from: /^(?:postmaster|mailer-daemon)@(?:[\w-]+\.)*(?:163|126|yeah|netease|sina|sohu|139|189|aliyun)\.(?:com|net|cn)(?:\.cn)?$/i,
    },
    { field: ['x-mailer', /Coremail/i], subject: /系统退信|fail|undeliver|return/i },
    { subject: /系统退信|退信通知/ },
  ],
};

export const facebook: OriginTable = {
  origin: 'facebook',
  signs: [{ from: /@(?:mx\.)?(?:facebook|facebookmail)\.com$/i, subject: /could not be delivered/i }],
};

export const sendgrid: OriginTable = {
  origin: 'sendgrid',
  signs: [
    { from: /^mailer-daemon@(?:[\w-]+\.)*sendgrid\.(?:net|com|me)$/i },
    { status: ['reporting-mta', /sendgrid/i] },
    { status: ['x-sendgrid-queueid', /./] },
  ],
};

export const mailgun: OriginTable = {
  origin: 'mailgun',
  signs: [{ from: /@(?:[\w-]+\.)*mailgun\.(?:net|org|com)$/i }, { status: ['reporting-mta', /mailgun/i] }],
};

export const sparkpost: OriginTable = {
  origin: 'momentum',
  signs: [
    { status: ['reporting-mta', /sparkpost|momentum|ecelerity/i] },
    { text: /This message was created automatically by the mail system \(ecelerity\)|\(ecelerity\)/i },
  ],
  recipients: [lines(String.raw`>>> ADDR \(`), lines(String.raw`^[ \t>]{0,8}ADDR`)],
};

export const powermta: OriginTable = {
  origin: 'powermta',
  signs: [
    { text: /\bPowerMTA\b|\bport25\b/i },
    { status: ['x-powermta-virtualmta', /./] },
    { status: ['x-powermta-bouncecategory', /./] },
  ],
};

export const verizon: OriginTable = {
  origin: 'verizon',
  signs: [
    { from: /@(?:[\w-]+\.)*(?:verizon|vtext)\.(?:net|com)$/i, subject: /undeliverable|error|returned/i },
    { text: /^Message could not be delivered to mobile/im },
    { text: /^Error message below:\s{1,4}\d{3} - /im },
  ],
  recipients: [lines(String.raw`(?:recipient address|To):[ \t]{0,4}ADDR`)],
};

export const bigfoot: OriginTable = {
  origin: 'bigfoot',
  signs: [{ from: /@(?:[\w-]+\.)*bigfoot\.com$/i }],
};
