/** Each recognition table with a report of its origin: whose it is, who failed, and whether for good. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReport } from '../index.ts';
import { originNames } from './index.ts';

interface Sample {
  readonly from: string;
  readonly subject: string;
  /** Further header fields. */
  readonly fields?: readonly string[];
  readonly words: string;
  /** Fields of the recipient in a delivery status: there is one. */
  readonly status?: {
    readonly mta: string;
    readonly code: string;
    readonly answer: string;
    readonly more?: string;
  };
  readonly kind?: 'delay';
  readonly address?: string;
  /** Default true. */
  readonly hard?: boolean;
}

const ada = 'ada@there.example';

const returned = `Received: from here.example by there.example; Thu, 29 Apr 2027 16:51:04 +0000
Message-ID: <m1@here.example>
From: Shop <shop@here.example>
To: ${ada}
Subject: Spring
MIME-Version: 1.0

Hello
`;

const mailOf = ({ from, subject, fields = [], words, status }: Sample): Buffer => {
  const head = [
    'Return-Path: <>',
    'Received: from mx.there.example by here.example; Thu, 29 Apr 2027 16:51:05 +0000',
    `From: ${from}`,
    'To: b+token@bounces.here.example',
    `Subject: ${subject}`,
    'Date: Thu, 29 Apr 2027 16:51:05 +0000',
    'MIME-Version: 1.0',
    ...fields,
  ];
  const isDsn = status !== undefined;
  if (!isDsn)
    return Buffer.from([...head, 'Content-Type: text/plain; charset=utf-8', '', words, ''].join('\n'));
  const parts = [
    `--x\nContent-Type: text/plain; charset=utf-8\n\n${words}\n`,
    `--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; ${status.mta}\n${status.more ?? ''}\nFinal-Recipient: rfc822; ${ada}\nAction: failed\nStatus: ${status.code}\nDiagnostic-Code: smtp; ${status.answer}\n`,
    `--x\nContent-Type: message/rfc822\n\n${returned}`,
  ];
  return Buffer.from(
    [
      ...head,
      'Content-Type: multipart/report; report-type=delivery-status; boundary="x"',
      '',
      `${parts.join('\n')}\n--x--`,
      '',
    ].join('\n'),
  );
};

const unknownUser = { code: '5.1.1', answer: '550 5.1.1 No such user' };

const samples: Readonly<Record<string, readonly Sample[]>> = {
  postfix: [
    {
      from: 'MAILER-DAEMON@mx.there.example (Mail Delivery System)',
      subject: 'Undelivered Mail Returned to Sender',
      words: `This is the mail system at host mx.there.example.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients. It's attached below.\n\n<${ada}>: host a.there.example[192.0.2.1] said: 550 5.1.1 <${ada}>:\n    Recipient address rejected: User unknown (in reply to RCPT TO command)\n`,
    },
    {
      from: 'MAILER-DAEMON@mx.there.example (Mail Delivery System)',
      subject: 'Delayed Mail (still being retried)',
      words: `This is the mail system at host mx.there.example.\n\n####################################################################\n# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #\n####################################################################\n\nYour message could not be delivered for more than 4 hour(s).\nIt will be retried until it is 5 day(s) old.\n\n<${ada}>: connect to a.there.example[192.0.2.1]:25: Connection timed out\n`,
      kind: 'delay',
      hard: false,
    },
  ],
  exim: [
    {
      from: 'Mail Delivery System <Mailer-Daemon@mx.there.example>',
      subject: 'Mail delivery failed: returning message to sender',
      fields: ['Auto-Submitted: auto-replied'],
      words: `This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  ${ada}\n    SMTP error from remote mail server after RCPT TO:<${ada}>:\n    host mx.there.example [192.0.2.1]: 550 Unrouteable address\n\n------ This is a copy of the message, including all the headers. ------\n\n${returned}`,
    },
    {
      from: 'Mail Delivery System <Mailer-Daemon@mx.there.example>',
      subject: 'Warning: message 1abc-000 delayed 24 hours',
      words: `This message was created automatically by mail delivery software.\nA message that you sent has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue on mx.there.example.\n\nThe address to which the message has not yet been delivered is:\n\n  ${ada}\n\nNo action is required on your part. Delivery attempts will continue for\nsome time, and this warning may be repeated at intervals if the message\nremains undelivered. Eventually the mail delivery software will give up,\nand when that happens, the message will be returned to you.\n`,
      kind: 'delay',
      hard: false,
    },
  ],
  qmail: [
    {
      from: 'MAILER-DAEMON@mx.there.example',
      subject: 'failure notice',
      words: `Hi. This is the qmail-send program at mx.there.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<${ada}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n${returned}`,
    },
    {
      from: 'MAILER-DAEMON@mx.there.example',
      subject: 'failure notice',
      words: `Hi. This is the qmail-send program at mx.there.example.\n\n<${ada}>:\n192.0.2.1 failed after I sent the message.\nRemote host said: 552 5.2.2 Mailbox size limit exceeded\n\n--- Below this line is a copy of the message.\n\n${returned}`,
      hard: false,
    },
  ],
  sendmail: [
    {
      from: 'Mail Delivery Subsystem <MAILER-DAEMON@mx.there.example>',
      subject: 'Returned mail: see transcript for details',
      words: `The original message was received at Thu, 29 Apr 2027 16:51:04 GMT\nfrom here.example [192.0.2.2]\n\n   ----- The following addresses had permanent fatal errors -----\n<${ada}>\n    (reason: 550 5.1.1 <${ada}>... User unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mx.there.example.:\n>>> DATA\n<<< 550 5.1.1 <${ada}>... User unknown\n550 5.1.1 <${ada}>... User unknown\n`,
    },
    {
      from: 'Mail Delivery Subsystem <MAILER-DAEMON@mx.there.example>',
      subject: 'Warning: could not send message for past 4 hours',
      words: `    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **\n    **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n    **********************************************\n\nThe original message was received at Thu, 29 Apr 2027 16:51:04 GMT\n\n   ----- The following addresses had transient non-fatal errors -----\n<${ada}>\n\n   ----- Transcript of session follows -----\n<${ada}>... Deferred: Connection timed out with mx.there.example.\nWarning: message still undelivered after 4 hours\nWill keep trying until message is 5 days old\n`,
      kind: 'delay',
      hard: false,
    },
  ],
  opensmtpd: [
    {
      from: 'Mailer Daemon <MAILER-DAEMON@mx.there.example>',
      subject: 'Delivery status notification: error',
      words: `    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\n${ada}: 550 5.2.2 <${ada}>... Mailbox Full\n\n    Below is a copy of the original message:\n\n${returned}`,
      hard: false,
    },
  ],
  courier: [
    {
      from: 'postmaster@mx.there.example',
      subject: 'NOTICE: mail delivery status.',
      words: `This is a delivery status notification from mx.there.example,\nrunning the Courier mail server, version 0.65.2.\n\n                           UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n<${ada}>:\n    mx.there.example [192.0.2.1]:\n>>> RCPT TO:<${ada}>\n<<< 550 5.1.1 <${ada}>... User Unknown\n`,
    },
  ],
  exchange: [
    {
      from: 'System Administrator <postmaster@there.example>',
      subject: 'Undeliverable: Spring',
      fields: ['X-Mailer: Internet Mail Service (5.5.2657.72)', 'X-MS-Embedded-Report: '],
      words: `Your message\n\n  To:      news@here.example\n  Subject: Spring\n  Sent:    Thu, 29 Apr 2027 16:51:04 +0000\n\ndid not reach the following recipient(s):\n\n${ada} on Thu, 29 Apr 2027 16:51:51 +0000\n    The recipient name is not recognized\n\tThe MTS-ID of the original message is: c=us;a= ;p=there;l=X0001\n    MSEXCH:IMS:THERE:SITE:X 0 (000C05A6) Unknown Recipient\n`,
    },
    {
      from: 'postmaster@there.example',
      subject: 'Undeliverable: Spring',
      words: `Delivery has failed to these recipients or distribution lists:\n\nAda Lovelace<mailto:${ada}>\nThe recipient's mailbox is full and can't accept messages now.\n\nDiagnostic information for administrators:\n\nGenerating server: x.there.example\n\n${ada}\n#550 5.2.2 STOREDRV.Deliver: mailbox full. The following information ... ##\n`,
      status: { mta: 'x.there.example', code: '5.2.2', answer: '550 5.2.2 STOREDRV.Deliver: mailbox full' },
      hard: false,
    },
  ],
  outlook: [
    {
      from: 'Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@here.example>',
      subject: 'Undeliverable: Spring',
      words: `Your message to ${ada} couldn't be delivered.\n\nada wasn't found at there.example.\n`,
      status: {
        mta: 'AM0PR01MB1234.eurprd01.prod.outlook.com',
        code: '5.1.10',
        answer: '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup',
      },
    },
    {
      from: 'postmaster@hotmail.com',
      subject: 'Delivery Status Notification (Failure)',
      words: `This is an automatically generated Delivery Status Notification.\n\nDelivery to the following recipients failed.\n\n       ${ada}\n`,
    },
  ],
  domino: [
    {
      from: 'Postmaster@there.example',
      subject: `DELIVERY FAILURE: User ada (${ada}) not listed in Domino Directory`,
      words: `Your message\n\n  Subject: Spring\n\nwas not delivered to:\n\n  ${ada}\n\nbecause:\n\n  User ada (${ada}) not listed in Domino Directory\n`,
    },
    {
      from: 'postmaster@there.example',
      subject: 'Undeliverable message',
      words: `------- Failure Reasons  --------\n\nUser not listed in public Name & Address Book\n${ada}\n\n------- Returned Message --------\n${returned}`,
    },
  ],
  groupwise: [
    {
      from: 'Mailer-Daemon@there.example',
      subject: 'Message status - undeliverable',
      words: `The message that you sent was undeliverable to the following:\n\t${ada} (user unknown)\n`,
    },
  ],
  imail: [
    {
      from: 'postmaster@there.example',
      subject: 'Undeliverable Mail',
      fields: ['X-Mailer: <SMTP32 v8.00>'],
      words: `Unknown user: ${ada}\n\nOriginal message follows.\n\n${returned}`,
    },
  ],
  mdaemon: [
    {
      from: 'MDaemon@there.example',
      subject: 'Permanent Delivery Failure',
      words: `The attached message had PERMANENT fatal delivery errors!\n\nAfter one or more unsuccessful delivery attempts the attached message has\nbeen removed from the mail queue on this server.\n\nFailed address: ${ada}\n\n--- Session Transcript ---\n --> RCPT To:<${ada}>\n <-- 550 <${ada}>, Recipient unknown\n--- End Transcript ---\n`,
    },
  ],
  hmailserver: [
    {
      from: 'mailer-daemon@there.example',
      subject: 'Message undeliverable: Spring',
      words: `Your message did not reach some or all of the intended recipients.\n\n   Sent: Thu, 29 Apr 2027 16:51:04 +0000\n   Subject: Spring\n\nThe following recipient(s) could not be reached:\n\n${ada}\n   Error Type: SMTP\n   Remote server (192.0.2.1) issued an error.\n   hMailServer sent: RCPT TO:<${ada}>\n   Remote server replied: 550 5.1.1 Unknown user\n\nhMailServer\n`,
    },
  ],
  mailenable: [
    {
      from: 'postmaster@there.example',
      subject: 'Message Delivery Failure',
      words: `MailEnable: Message could not be delivered to some recipients.\nThe following recipient(s) could not be reached:\n\n\tRecipient: [SMTP:${ada}]\n\tReason: Remote SMTP Server Returned: 550 5.1.1 No such user\n\nMessage headers follow:\n\n${returned}`,
    },
  ],
  james: [
    {
      from: 'postmaster@there.example',
      subject: 'Re: Spring',
      words: `Hi. This is the James mail server at there.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\nFailed recipient(s):\n${ada}\n\nError message:\n550 5.1.1 User unknown\n`,
    },
  ],
  'messaging-server': [
    {
      from: 'Internet Mail Delivery <postmaster@there.example>',
      subject: 'Delivery Notification: Delivery has failed',
      words: `This report relates to a message you sent with the following header fields:\n\n  Message-id: <m1@here.example>\n  From: shop@here.example\n  To: list@here.example\n  Subject: Spring\n\nYour message cannot be delivered to the following recipients:\n\n  Recipient address: ${ada}\n  Reason: Remote SMTP server has rejected address\n  Diagnostic code: smtp;550 5.1.1 unknown or illegal alias\n`,
    },
  ],
  communigate: [
    {
      from: 'MAILER-DAEMON@there.example',
      subject: 'Undeliverable mail: Spring',
      words: `Failed to deliver to '${ada}'\nSMTP module(domain there.example) reports:\n host mx.there.example says:\n 550 5.1.1 unknown user account\n`,
    },
  ],
  netscape: [
    {
      from: 'Mail Administrator <Postmaster@there.example>',
      subject: 'Mail System Error - Returned Mail',
      words: `This Message was undeliverable due to the following reason:\n\nYour message was not delivered because the destination computer was\nnot reachable within the allowed queue period.\n\nThe following recipients did not receive your message:\n\n<${ada}>\n\nPlease reply to Postmaster@there.example\nif you feel this message to be in error.\n`,
      hard: false,
    },
  ],
  mercury: [
    {
      from: 'Electronic Postmaster <postmaster@there.example>',
      subject: 'Postmaster notify: User not known',
      words: `This is an automated delivery failure report from Mercury/32.\n\nThe user ${ada} is unknown on this system: no such user.\n`,
    },
  ],
  x400: [
    {
      from: 'postmaster@there.example',
      subject: `Delivery Report (failure) for ${ada}`,
      words: `This report relates to your message: Subject: Spring,\n        of Thu, 29 Apr 2027\n\nYour message was not delivered to ${ada}\n   for the following reason:\n   Recipient's mailbox is full\n`,
      hard: false,
    },
  ],
  phquery: [
    {
      from: 'MAILER-DAEMON@mx.there.example',
      subject: 'Returned mail - nameserver error report',
      words: ` --------Message not delivered to the following:\n\n ada    No matches to nameserver query\n\n --------Error Detail (phquery V4.1):\n`,
    },
  ],
  dovecot: [
    {
      from: 'Mail Delivery Subsystem <postmaster@there.example>',
      subject: 'Rejected: Spring',
      words: `Your message to <${ada}> was automatically rejected:\nQuota exceeded (mailbox for user is full)\n`,
      hard: false,
    },
  ],
  gmail: [
    {
      from: 'Mail Delivery Subsystem <mailer-daemon@googlemail.com>',
      subject: 'Delivery Status Notification (Failure)',
      words: `Delivery to the following recipient failed permanently:\n\n     ${ada}\n\nTechnical details of permanent failure:\nGoogle tried to deliver your message, but it was rejected by the server for the recipient domain there.example by mx.there.example. [192.0.2.1].\n\nThe error that the other server returned was:\n550 5.1.1 <${ada}>: Recipient address rejected: User unknown\n\n\n----- Original message -----\n\n${returned}`,
    },
    {
      from: 'Mail Delivery Subsystem <mailer-daemon@googlemail.com>',
      subject: 'Delivery Status Notification (Delay)',
      words: `** Delivery incomplete **\n\nThere was a temporary problem delivering your message to ${ada}. Gmail will retry for 46 more hours. You'll be notified if the delivery fails permanently.\n`,
      kind: 'delay',
      hard: false,
    },
  ],
  yahoo: [
    {
      from: 'MAILER-DAEMON@yahoo.com',
      subject: 'Failure Notice',
      words: `Sorry, we were unable to deliver your message to the following address.\n\n<${ada}>:\n554: delivery error: dd This user doesn't have a yahoo.com account (${ada}) [0] - mta1.mail.yahoo.com\n\n--- Below this line is a copy of the message.\n\n${returned}`,
    },
  ],
  aol: [
    {
      from: 'Mail Delivery Subsystem <MAILER-DAEMON@aol.com>',
      subject: 'Undeliverable: Spring',
      words: `<${ada}>: 550 MAILBOX NOT FOUND\n`,
    },
  ],
  ses: [
    {
      from: 'MAILER-DAEMON@eu-west-1.amazonses.com',
      subject: 'Delivery Status Notification (Failure)',
      words: `An error occurred while trying to deliver the mail to the following recipients:\n${ada}\n`,
      status: { mta: 'a1-2.smtp-out.eu-west-1.amazonses.com', ...unknownUser },
    },
  ],
  zoho: [
    {
      from: 'mailer-daemon@mail.zoho.com',
      subject: 'Undelivered Mail Returned to Sender',
      words: `This message was created automatically by mail delivery software.\nA message that you sent could not be delivered to one or more of its recipients. This is a permanent error.\n\n${ada} Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <${ada}>... User Unknown\n\n\nReceived:from mail.zoho.com by mx.zohomail.com\nMessage-ID:<m1@here.example>\nFrom:Shop <shop@here.example>\nTo:<${ada}>\n`,
    },
    {
      from: 'mailer-daemon@mail.zoho.com',
      subject: 'Undelivered Mail Returned to Sender',
      words: `This message was created automatically by mail delivery software.\n\n[Status: Error, Address: <${ada}>, ResponseCode 421, , Host not reachable.]\n`,
      hard: false,
    },
  ],
  yandex: [
    {
      from: 'mailer-daemon@yandex.ru',
      subject: '=?UTF-8?B?0J3QtdC00L7RgdGC0LDQstC70LXQvdC90L7QtSDRgdC+0L7QsdGJ0LXQvdC40LU=?=',
      words: `This is the mail system at host yandex.ru.\n\nI'm sorry to have to inform you that your message could not\nbe delivered to one or more recipients.\n\n<${ada}>: host mx.there.example[192.0.2.1] said: 550 5.7.1 No such user!\n    (in reply to RCPT TO command)\n`,
    },
  ],
  mailru: [
    {
      from: 'mailer-daemon@corp.mail.ru',
      subject: 'Ваше сообщение не доставлено. Mail failure.',
      fields: ['Auto-Submitted: auto-replied'],
      words: `Это письмо создано автоматически сервером Mail.Ru, отвечать на него не нужно.\n\nК сожалению, Ваше письмо не может быть доставлено одному или нескольким получателям:\n\n  ada\n    SMTP error from remote mail server after RCPT TO:<${ada}>:\n    host mx.there.example [192.0.2.1]: 550 5.1.1 <${ada}>... User Unknown\n\n------ This is a copy of the message, including all the headers. ------\n\n${returned}`,
    },
  ],
  gmx: [
    {
      from: 'MAILER-DAEMON@gmx.net',
      subject: 'Mail delivery failed: returning message to sender',
      words: `This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of\nits recipients. This is a permanent error. The following address\nfailed:\n\n<${ada}>\n\nReason:\ndelivery retry timeout exceeded\n\n\n--- The header of the original message is following. ---\n\n${returned}`,
      hard: false,
    },
  ],
  apple: [
    {
      from: 'postmaster@icloud.com',
      subject: 'Undelivered mail',
      words: `<${ada}>: 550 5.1.1 unknown or illegal alias\n`,
      status: { mta: 'ms1.mail.icloud.com', ...unknownUser },
    },
  ],
  qq: [
    {
      from: 'PostMaster@qq.com',
      subject: '来自qq.com的退信',
      words: `抱歉，您的邮件被退回来了……\n\n原邮件信息：\n无法发送到 ${ada}\n退信原因：收件人邮件地址不存在，邮件无法送达。\nhost mx.there.example said: 550 Mailbox not found\n`,
    },
  ],
  coremail: [
    {
      from: 'Postmaster@163.com',
      subject: '系统退信',
      words: `您的邮件被退回。\n\n收件人：${ada}\n\nSMTP error, RCPT TO: Host mx.there.example(192.0.2.1) said 550 User not found: ${ada}\n`,
    },
  ],
  facebook: [
    {
      from: 'Facebook <mailer-daemon@mx.facebook.com>',
      subject: 'Sorry, your message could not be delivered',
      words: 'This message was created automatically by Facebook.\n',
      status: {
        mta: '192.0.2.9',
        code: '5.1.1',
        answer: '550 5.1.1 RCP-P1 https://postmaster.facebook.com/ No such user',
      },
    },
  ],
  sendgrid: [
    {
      from: 'MAILER-DAEMON@sendgrid.net',
      subject: 'Undelivered Mail Returned to Sender',
      words: 'Hello, this is the mail server on o1.sendgrid.net.\n',
      status: { mta: 'mx0001.sendgrid.net', code: '5.1.1', answer: '550 5.1.1 Recipient not found' },
    },
  ],
  mailgun: [
    {
      from: 'Mail Delivery System <postmaster@mailgun.org>',
      subject: 'Undelivered Mail',
      words: `Your message to ${ada} could not be delivered.\n`,
      status: { mta: 'smtp.mailgun.org', ...unknownUser },
    },
  ],
  momentum: [
    {
      from: 'Mail Delivery Subsystem <mailer-daemon@mta.there.example>',
      subject: 'Mail Delivery Failure',
      words: `This message was created automatically by the mail system (ecelerity).\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n>>> ${ada} (after RCPT TO): 550 5.1.1 User unknown\n`,
    },
  ],
  powermta: [
    {
      from: 'postmaster@mail.there.example',
      subject: 'Delivery report',
      words: `Hello, this is the mail server on mail.there.example.\n\n  <${ada}>  delivery failed; will not continue trying\n`,
      status: {
        mta: 'mail.there.example',
        code: '5.2.1 (mailbox disabled, not accepting messages)',
        answer: `550 5.2.1 <${ada}>... User Unknown`,
        more: 'X-PowerMTA-VirtualMTA: mail.there.example\n',
      },
    },
  ],
  verizon: [
    {
      from: 'MMSC NDR Administrator <sysadmin@m01.vzwpix.com>',
      subject: 'Undeliverable Message',
      words: `Message could not be delivered to mobile.\nError: No valid recipients for this MM\n\n\nOriginal Message:\nFrom: Shop <shop@here.example>\nTo: ${ada}\nSubject: Spring\nDate:  Thu, 29 Apr 2027 16:51:04 +0000\n`,
    },
    {
      from: 'post_master@vtext.com',
      subject: 'Re:Spring',
      words: `Error: Invalid user address\n\nError message below:\n550 - Requested action not taken: no such user here\n\nMessage details:\n  Subject: Spring\n  MAIL FROM: shop@here.example\n  RCPT TO: ${ada}\n  From: shop@here.example\n  Number of lines: 2\n`,
    },
  ],
  bigfoot: [
    {
      from: 'MAILER-DAEMON@bigfoot.com',
      subject: 'Returned mail: delivery problems',
      words: `<${ada}> (reason: 550 5.1.1 User unknown)\n`,
    },
  ],
  docomo: [
    {
      from: 'Mail Delivery System <mail-daemon@docomo.ne.jp>',
      subject: 'Undeliverable: mail',
      words: `Your mail sent on: Thu, 29 Apr 2027 16:51:04 +0900\n     Could not be delivered to: <<${ada}>>\n     As their mailbox is full.\n`,
      hard: false,
    },
  ],
  au: [
    {
      from: 'Postmaster@ezweb.ne.jp',
      subject: 'Mail System Error - Returned Mail',
      words: `次のあて先へのメッセージはエラーのため送信できませんでした。\n\nEach of the following recipients was rejected by a remote\nmail server.\n\n    Recipient: <${ada}>\n    >>> RCPT TO:<${ada}>\n    <<< 550 <${ada}>: User unknown\n`,
    },
  ],
  softbank: [
    {
      from: 'mailer-daemon@softbank.ne.jp',
      subject: 'Delivery Notification: Delivery has failed',
      words: `<${ada}>: 550 Invalid recipient: <${ada}>\n`,
    },
  ],
  biglobe: [
    {
      from: 'postmaster@biglobe.ne.jp',
      subject: 'Returned mail: ada',
      words: `   ----- The following addresses had delivery problems -----\n${ada}\n\n   ----- Non-delivered information -----\nThe number of messages in recipient's mailbox exceeded the local limit.\n`,
      hard: false,
    },
  ],
  'm-filter': [
    {
      from: 'POSTMASTER <postmaster@there.example>',
      subject: 'failure notice',
      fields: ['X-Mailer: m-FILTER'],
      words: `このメールは「m-FILTER」が自動的に生成して送信しています。\n\n以下のメールアドレスへの送信に失敗しました。\n${ada}\n\n\n-------server message\n550 unknown user <${ada}>\n\n-------SMTP command\nDATA\n\n-------original message\n${returned}`,
    },
  ],
  mimecast: [
    {
      from: 'Mail Delivery Subsystem <postmaster@there.example>',
      subject: '[Postmaster] Email Delivery Failure',
      words: `This is a delivery failure notification message.\nThe message to ${ada} could not be delivered.\n`,
      status: { mta: 'eu-smtp-delivery-1.mimecast.com', code: '5.0.0', answer: '550 Invalid Recipient' },
    },
  ],
  barracuda: [
    {
      from: 'MAILER-DAEMON <>',
      subject: '**Message you sent blocked by our bulk email filter**',
      words: `Your message to: ${ada}\nwas blocked by our Spam Firewall. The email you sent with the following subject has NOT BEEN DELIVERED:\n\nSubject: Spring\n`,
      status: {
        mta: 'barracuda.there.example',
        code: '5.7.1',
        answer: '550 5.7.1 Message content rejected, UBE, id=1',
      },
      hard: false,
    },
  ],
  proofpoint: [
    {
      from: 'Mail Delivery Subsystem <MAILER-DAEMON@mx0a-1.pphosted.com>',
      subject: 'Returned mail: see transcript for details',
      words: `   ----- The following addresses had permanent fatal errors -----\n<${ada}>\n    (reason: 550 5.1.1 User Unknown)\n`,
      status: { mta: 'mx0a-1.pphosted.com', ...unknownUser },
    },
  ],
  messagelabs: [
    {
      from: 'Mail Delivery System <MAILER-DAEMON@messagelabs.com>',
      subject: 'Mail Delivery Failure',
      words: `This is the mail delivery agent at messagelabs.com.\n\nI was unable to deliver your message to the following addresses:\n\n${ada}\n\nReason: 550 #5.1.0 Address rejected ${ada}\n\nThe message subject was: Spring\n`,
    },
  ],
  ironport: [
    {
      from: 'Mail Delivery System <MAILER-DAEMON@gw.there.example>',
      subject: 'Delivery Status Notification (Failure)',
      words: `The following message to <${ada}> was undeliverable.\nThe reason for the problem:\n5.1.0 - Unknown address error 550-'Unknown user'\n`,
    },
  ],
  interscan: [
    {
      from: 'Mail Delivery Subsystem <MAILER-DAEMON@gw.there.example>',
      subject: 'Mail could not be delivered',
      words: `Unable to deliver message to <${ada}>.\nSent <<< RCPT TO:<${ada}>\nReceived >>> 550 5.1.1 <${ada}>... user unknown\n`,
    },
  ],
  mailmarshal: [
    {
      from: 'postmaster@gw.there.example',
      subject: 'Undeliverable Mail: "Spring"',
      words: `Your message:\n   From:    shop@here.example\n   Subject: Spring\n\nCould not be delivered because of\n\n550 5.1.1 User unknown\n\nThe following recipients were affected: \n    ${ada}\n\n\nAdditional Information\n======================\nOriginal Sender:    <shop@here.example>\n`,
    },
  ],
  surfcontrol: [
    {
      from: 'Postmaster@gw.there.example',
      subject: 'Message was not delivered',
      words: `Your message could not be sent.\nA transcript of the attempts to send the message follows.\nThe number of attempts made: 1\nAddressed To: ${ada}\n\nThu 29 Apr 2027 16:51:04 +0000\nFailed to send to identified host,\n${ada}: [192.0.2.1], 550 ${ada}... No such user\n--- Message non-deliverable.\n`,
    },
  ],
  mailfoundry: [
    {
      from: 'MAILER-DAEMON@gw.there.example',
      subject: 'Message delivery has failed',
      words: `Unable to deliver message to: <${ada}>\nDelivery failed for the following reason:\nServer mx.there.example[192.0.2.1] failed with: 550 <${ada}> No such user here\n\nThis has been a permanent failure.  No further delivery attempts will be made.\n`,
    },
  ],
  mcafee: [
    {
      from: '<MAILER-DAEMON@gw.there.example>',
      subject: 'Delivery Status',
      fields: ['X-NAI-Header: Modified by McAfee Email and Web Security Appliance (3300)'],
      words: `    --- The following addresses had delivery problems ---\n\n<${ada}>   (Unknown user ${ada})\n`,
    },
  ],
  'sophos-sonicwall': [
    {
      from: 'postmaster@gw.there.example',
      subject: 'Undeliverable',
      words: `Your message to ${ada} could not be delivered.\n`,
      status: { mta: 'relay.reflexion.net', ...unknownUser },
    },
  ],
  amavis: [
    {
      from: '"Content-filter at gw.there.example" <postmaster@gw.there.example>',
      subject: 'Undeliverable mail, MTA-BLOCKED',
      words: `The message WAS NOT relayed to:\n  <${ada}>: [127.0.0.1] said:\n   550 5.1.1 Failed, id=1, from MTA: 550 5.1.1 <${ada}>: Recipient address rejected: User unknown\n\nThis nondelivery report was generated by the program amavisd-new at host\ngw.there.example.\n`,
    },
  ],
  vade: [
    {
      from: 'mailer-daemon@there-vadesecure.net',
      subject: 'Undeliverable: Spring',
      words: `Delivery has failed to these recipients or distribution lists:\n\nServer "192.0.2.1:25" returned an error:\n\t* [${ada}]: 550 ${ada}...User account is overquota\n\nOriginal message details:\n\t* From: shop@here.example\n\t* To: list@here.example\n`,
      hard: false,
    },
  ],
};

for (const [origin, reports] of Object.entries(samples))
  for (const sample of reports)
    test(`${origin}: ${sample.subject}`, async () => {
      const report = await parseReport(mailOf(sample));
      const { kind = 'bounce', address = ada, hard = true } = sample;
      assert.deepEqual(
        [report.kind, report.origin, report.recipients.map((one) => [one.address, one.hard])],
        [kind, origin, [[address, hard]]],
        JSON.stringify(report.recipients),
      );
    });

test('every table has a report here', () => {
  assert.deepEqual(
    originNames.filter((name) => samples[name] === undefined),
    [],
  );
});
