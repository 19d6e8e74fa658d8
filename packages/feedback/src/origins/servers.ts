/** Mail servers that many hosts run. */
import { lines, type OriginTable } from './origin-table.ts';

export const postfix: OriginTable = {
  origin: 'postfix',
  signs: [
    { text: /I'm sorry to have to inform you that (?:your message|the message returned)/i },
    { status: ['x-postfix-queue-id', /./] },
    { status: ['x-postfix-sender', /./] },
    { text: /This is the (?:[^\n]{0,60}Postfix[^\n]{0,60} program|mail system) at host/i },
    {
      field: ['received', /\bby \S{1,255} \(Postfix\)\s+id\b/i],
      subject: /^(?:undelivered mail returned to sender|delayed mail)/i,
    },
    {
      text: /^<[^<>\s]{3,320}>(?: \(expanded from <[^<>\s]{1,320}>\))?: (?:host \S+ (?:said|refused)|unknown user: |connect to |mail for |can't create|Host or domain name)/im,
    },
  ],
  recipients: [
    lines(String.raw`^ADDR(?: \(expanded\s+from\s+[^)\n]{1,400}\))?:`),
    lines(String.raw`^[ \t]{0,8}ADDR(?: \(expanded\s+from\s+[^)\n]{1,400}\))?:[ \t]`),
  ],
};

export const exim: OriginTable = {
  origin: 'exim',
  signs: [
    {
      text: /This message was created automatically by (?:the )?(?:mail delivery\s+software|Exim)|created automatically by the mail system/i,
    },
    {
      text: /A message that you (?:have )?sent (?:\S+ )?(?:using|could not be delivered to (?:one or more|all) of its|contained no recipient|has not (?:yet )?been delivered)/i,
    },
    {
      field: ['x-failed-recipients', /@/],
      subject: /^(?:mail delivery (?:failed|failure)|warning: message \S+ delayed)/i,
    },
  ],
  recipients: [
    lines(String.raw`^ {2,8}an undisclosed address\s{1,12}\(generated from ADDR`),
    lines(
      String.raw`^ {1,4}ADDR(?:[ \t]*\n| \(generated from [^)\n]{1,300}\)| \(ultimately generated from [^)\n]{1,300}\)|:)`,
    ),
    lines(String.raw`^[ \t]*ADDR:?[ \t]*$`),
  ],
};

export const qmail: OriginTable = {
  origin: 'qmail',
  signs: [
    { from: /^mailer-daemon@/i, subject: /^failure notice$/i },
    { text: /^Hi\.(?: |\n)This is the/im },
    { text: /This is the qmail-send program|qmail-(?:send|remote|inject|smtpd)\b/i },
    {
      text: /I'm afraid I wasn't able to deliver your message|I couldn't find any host named|I tried to deliver (?:a bounce|your)/i,
    },
  ],
  recipients: [
    lines(String.raw`^ADDR:[ \t]*$`),
    lines(String.raw`^[ \t>]{0,6}ADDR:[ \t]*`),
    lines(String.raw`^[ \t]{0,8}ADDR[ \t]*$`),
  ],
};

export const sendmail: OriginTable = {
  origin: 'sendmail',
  signs: [
    {
      text: /^\s{0,6}-{3,}\s{0,3}(?:The following addresses had (?:permanent|transient|delivery|successful)|Transcript of session follows)/im,
    },
    { text: /^The original message was received at/im },
    { status: ['reporting-mta', /./], text: /\.\.\. (?:while talking to|Deferred|User unknown)/i },
  ],
  recipients: [
    lines(
      String.raw`^[ \t]{0,12}(?:"?\|[^\n]{1,200}"?[ \t]*\n[ \t]*\(expanded from: )?ADDR(?:\))?[ \t]*(?:\n[ \t]*\((?:reason|expanded from):|\n|$|\.\.\.)`,
    ),
    lines(String.raw`^(?:\d{3}(?:[ -]\d\.\d\.\d)? )?ADDR\.\.\.`),
    lines(String.raw`RCPT To:[ \t]?ADDR`),
  ],
};

export const opensmtpd: OriginTable = {
  origin: 'opensmtpd',
  signs: [{ text: /This is the MAILER-DAEMON, please DO NOT REPLY/i }],
  recipients: [lines(String.raw`^[ \t]{0,8}ADDR: `)],
};

export const courier: OriginTable = {
  origin: 'courier',
  signs: [
    {
      text: /UNDELIVERABLE MAIL|This is a delivery status notification from|DELAYED MAIL/,
      field: ['content-type', /./],
    },
    { text: /Your message to the following recipients? can(?:not|'t) be delivered:/i },
  ],
  recipients: [lines(String.raw`^[ \t]{0,8}ADDR:[ \t]*$`)],
};

export const exchange: OriginTable = {
  origin: 'exchange',
  signs: [
    { field: ['x-mailer', /Internet Mail Service \([\d.]+\)|Microsoft Exchange/i] },
    { field: ['x-ms-embedded-report', /.?/] },
    { field: ['x-mimeole', /Produced By Microsoft Exchange/i] },
    { status: ['diagnostic-code', /RESOLVER\.|STOREDRV|#\d\.\d\.\d smtp;|X-Microsoft-Exchange/i] },
    { status: ['x-display-name', /./] },
    {
      text: /MSEXCH:|The following recipient\(s\) (?:could|cannot) (?:not )?be reached|did not reach (?:the following|some or all of the intended) recipient|Generating server:|Diagnostic information for administrators|Exchange (?:Online|Server)/i,
    },
    { text: /This is an automatically generated Delivery Status Notification/i },
    { field: ['x-ms-exchange-message-is-ndr', /.?/] },
    { field: ['thread-topic', /undeliverable|unzustellbar|non remis/i] },
    { from: /^MicrosoftExchange[0-9a-f]{20,}@/i },
  ],
  recipients: [
    lines(String.raw`\bdda:SMTP[=(]ADDR`),
    lines(String.raw`^[ \t]{0,12}ADDR on (?:\w{3}, )?\d[^\n]{0,60}`),
    lines(String.raw`^[ \t]{0,40}(?:'[^'\n]{1,100}'|[^\n<>]{0,100})\(ADDR\)(?: on [^\n]{0,60})?[ \t]*$`),
    lines(
      String.raw`(?:failed|could not be reached|not reached|recipients?\(s\):|delivered to:|recipients? or (?:distribution lists|groups):)[^\n]{0,40}\n(?:[ \t]*\n){0,3}[ \t]*ADDR`,
    ),
    lines(String.raw`(?:recipient|address):?[ \t]*\[SMTP:ADDR\]`),
    lines(String.raw`^[ \t]{0,12}ADDR[ \t]*(?:$|\n|<mailto:)`),
    lines('[<(;]SMTP[:;]ADDR'),
  ],
};

export const domino: OriginTable = {
  origin: 'domino',
  signs: [
    { text: /-{3,} Failure Reasons\s{1,4}-{3,}/i },
    {
      text: /(?:not listed in (?:public )?(?:Domino Directory|Name & Address Book)|Lotus (?:Notes|Domino))/i,
    },
    { field: ['x-mimetrack', /Lotus|Domino|IBM/i], subject: /failure|undeliverable|delivery/i },
    { field: ['x-mailer', /Lotus (?:Notes|Domino)|IBM Notes/i], subject: /delivery failure/i },
    { status: ['diagnostic-code', /^X-Notes;/i] },
    { text: /was not delivered to:\s{1,40}\S{1,320}\s{1,40}because:/i },
  ],
  recipients: [
    lines(String.raw`(?:was not delivered to|wurde nicht zugestellt an):\s{1,40}ADDR`),
    lines(String.raw`User [^\n]{0,120}\(ADDR\) not listed`),
    lines(String.raw`^[ \t]{0,8}ADDR[ \t]*$`),
  ],
};

export const groupwise: OriginTable = {
  origin: 'groupwise',
  signs: [
    { text: /The message that you sent was undeliverable to the following/i },
    { field: ['x-mailer', /GroupWise/i], text: /undeliverable|failed/i },
  ],
  recipients: [lines(String.raw`^[ \t]{0,16}ADDR(?: \([^)\n]{1,200}\))?`)],
};

export const imail: OriginTable = {
  origin: 'imail',
  signs: [
    { field: ['x-mailer', /<?SMTP32 v/i] },
    {
      text: /^(?:unknown (?:user|host|local part)|user mailbox exceeds allowed size|undeliverable to|delivery failed \d+ attempts|invalid final delivery userid):/im,
    },
  ],
  recipients: [
    lines(
      String.raw`^(?:unknown (?:user|host)|user mailbox exceeds allowed size|delivery failed \d{1,4} attempts|invalid final delivery userid|delivery userid)[^:\n]{0,20}:[ \t]{0,4}ADDR`,
    ),
    lines(String.raw`undeliverable to:?[ \t]{0,4}ADDR`),
  ],
};

export const mdaemon: OriginTable = {
  origin: 'mdaemon',
  signs: [
    { from: /^mdaemon@/i },
    {
      text: /The attached message had (?:PERMANENT|TRANSIENT|NON-FATAL) (?:fatal )?(?:delivery|non-fatal) errors?|MDaemon/,
    },
  ],
  recipients: [
    lines(String.raw`(?:failed|retry) address:[ \t]{0,4}ADDR`),
    lines(String.raw`RCPT To:[ \t]?ADDR`),
  ],
};

export const hmailserver: OriginTable = {
  origin: 'hmailserver',
  signs: [{ text: /hMailServer (?:sent|could not)|Error Type: SMTP|^hMailServer/im }],
  recipients: [lines(String.raw`^[ \t]{0,8}ADDR[ \t]*\n[ \t]{0,8}Error Type:`), lines('RCPT TO:ADDR')],
};

export const mailenable: OriginTable = {
  origin: 'mailenable',
  signs: [{ text: /MailEnable/i }, { text: /Message could not be delivered to some recipients\./i }],
  recipients: [lines(String.raw`Recipient:[ \t]{0,4}\[?(?:SMTP:)?ADDR\]?`)],
};

export const james: OriginTable = {
  origin: 'james',
  signs: [{ text: /This is the James mail server/i }],
  recipients: [
    lines(String.raw`Failed recipient\(s\):\s{0,8}ADDR`),
    lines(String.raw`^[ \t]{0,8}ADDR[ \t]*$`),
  ],
};

export const messagingServer: OriginTable = {
  origin: 'messaging-server',
  signs: [
    { text: /This report relates to a message you sent with the following header fields/i },
    {
      field: ['content-type', /boundary="?Boundary_\(ID_/i],
      text: /Your message (?:cannot|could not) be delivered/i,
    },
  ],
  recipients: [lines(String.raw`(?:recipient|original) address:[ \t]{0,4}(?:rfc822;)?ADDR`)],
};

export const communigate: OriginTable = {
  origin: 'communigate',
  signs: [
    { text: /\b(?:LOCAL|SMTP) module\((?:account|domain) [^)\n]{1,300}\) reports/ },
    { text: /^Failed to deliver to '/im },
    { field: ['x-mailer', /CommuniGate/i], text: /fail/i },
  ],
  recipients: [lines(`^Failed to deliver to '<?ADDR'?`)],
};

export const netscape: OriginTable = {
  origin: 'netscape',
  signs: [{ text: /^This Message was undeliverable due to the following reason/im }],
  recipients: [
    lines(String.raw`^[ \t]{0,12}ADDR[ \t]*$`),
    lines(String.raw`(?:recipient|to|user)[ \t]{0,4}ADDR`),
  ],
};

export const mercury: OriginTable = {
  origin: 'mercury',
  signs: [
    { text: /Mercury (?:\d|Transport|Mail)|This is an automated (?:delivery failure|non-delivery) report/i },
  ],
};

export const smtpGateway: OriginTable = {
  origin: 'x400',
  signs: [
    { status: ['diagnostic-code', /Reason \d{1,3} \(|^x400;/i] },
    { text: /^This report relates to your message:/im },
    {
      text: /X\.?400|\/C=[A-Z]{2}\/A(?:DMD)?=|MTS-ID|The MTS identifier|non-delivery (?:report|notification) (?:from|by) (?:MTA|the)/i,
    },
    { field: ['x400-content-type', /./] },
  ],
};

export const phquery: OriginTable = {
  origin: 'phquery',
  signs: [{ text: /-{3,}Error Detail \(phquery/i }],
  recipients: [
    lines(String.raw`^[ \t]{0,20}ADDR[ \t]*$`),
    lines(String.raw`^[ \t]{1,20}(?<local>[\w.+-]{1,64})[ \t]{2,40}No matches`),
  ],
};

export const dovecot: OriginTable = {
  origin: 'dovecot',
  signs: [
    { field: ['message-id', /^<dovecot-/i] },
    { text: /^Your message to <[^<>\n]{3,320}> was automatically rejected:/im },
  ],
  recipients: [lines('Your message to ADDR was automatically rejected')],
};
