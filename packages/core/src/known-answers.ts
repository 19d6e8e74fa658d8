/**
 * Words by which providers say what their codes leave open, from their postmaster pages and the logs of many. A rule
 * named for a provider knows its wording; `text-` ones are what servers have in common.
 */
import type { ReplyCategory } from './classify-reply.ts';

interface KnownAnswer {
  /** Unique; what `millrace classify` shows. */
  readonly name: string;
  readonly pattern: RegExp;
  readonly category: ReplyCategory;
  /** Only in replies of this class: the same words are said of other things in the other one. */
  readonly codeClass?: 4 | 5;
  /** Decides even against an enhanced code: servers give `5.1.1` for mailboxes that are only full, and for blocks. */
  readonly overCode?: true;
}

/** The first that matches decides: what is special stands before what is general. */
const knownAnswers: readonly KnownAnswer[] = [
  // Sender not authenticated.
  {
    name: 'text-unauthenticated',
    pattern: /\bunauthenticated\b|not authenticated|pass authentication checks/i,
    category: 'authentication',
  },
  {
    name: 'text-spf-dkim-dmarc',
    pattern:
      /required authentication level|dmarc|\bspf\b.{0,200}(?:fail|check|reject|deny|denied)|\bdkim\b.{0,200}fail|per spf|spf policy|sender policy framework|\bspf (?:records?|settings)\b/i,
    category: 'authentication',
  },
  {
    name: 'text-reverse-dns',
    pattern:
      /\bPTR (?:resource )?records?\b|reverse DNS|forward DNS entry|does not have a PTR|rDNS|reverse (?:hostname|lookup|mapping)|(?:can ?not|can't|unable to) (?:find|resolve|verify) your (?:reverse |host ?name|ip\b|address)|IP name lookup failed|generic (?:DNS )?PTR|unresolvable relay host/i,
    category: 'authentication',
  },
  {
    name: 'text-login-required',
    pattern:
      /authentication (?:is )?required|must (?:log ?in|authenticate)|requires authentication|check(?:ed)? for new mail first|authentication (?:failure|turned on)|AUTH failed|not authori[sz]ed to perform/i,
    category: 'authentication',
    codeClass: 5,
  },

  // TLS.
  {
    name: 'text-tls-required',
    pattern:
      /must issue a STARTTLS|TLS (?:is )?required|requires? (?:TLS|encryption|STARTTLS)|TLS (?:handshake|negotiation) (?:failed|failure)|cannot start TLS|certificate (?:verify|verification) failed|\bDANE\b/i,
    category: 'tls_failed',
  },

  // The sending address or domain is on a list.
  {
    name: 'outlook-block-list',
    pattern: /\(S31(?:40|50)\)|on our block list|\bS31[45]0\b/i,
    category: 'ip_listed',
  },
  {
    name: 'yahoo-comcast-block',
    pattern: /\[BL2[0-9]\]|\bBL0000\d\d\b(?=.{0,500}block)|is in Spamhaus|Comcast block for spam/i,
    category: 'ip_listed',
  },
  {
    name: 'charter-cox-block',
    pattern: /\bAUP#/,
    category: 'reputation',
    codeClass: 5,
    overCode: true,
  },
  {
    name: 'mimecast-block-list',
    pattern: /host network (?:is )?not allowed|\bDOC-1369#554\b/i,
    category: 'ip_listed',
    codeClass: 5,
  },
  { name: 'outlook-banned-ip', pattern: /banned sending IP|banned sender/i, category: 'ip_listed' },
  { name: 'outlook-policy-block', pattern: /\b(?:OU|SC|DY)-00\d\b/, category: 'ip_listed', codeClass: 5 },
  {
    name: 'text-domain-listed',
    pattern: /\b(?:DBL|SURBL|URIBL)\b|domain (?:is )?(?:block|black)?listed/i,
    category: 'domain_listed',
  },
  {
    name: 'text-block-list',
    pattern:
      /spamhaus|spamcop|barracudacentral|\bRBL\b|\bDNSBL\b|block ?list|black-?list|\bIPTS0[45]\b|blocked - see|\bsorbs\b|abuseat|senderbase|\bRLY:[A-Z]|\bDYN:B|\bRTR:B|listed (?:at|in|on|by) (?:\S{1,60}\.)?(?:zen|sbl|xbl|pbl|css|dbl|bl|dnsbl|spam)\b|\b(?:zen|dnsbl|[sxp]bl)\.\S{1,60} listed|is on (?:a|our) (?:black|block|deny)|(?:IP|host|address)(?: address)? \[?[\d.]{7,15}\]? (?:is |has been )?(?:blocked|banned|refused|rejected)/i,
    category: 'ip_listed',
    codeClass: 5,
    overCode: true,
  },
  {
    name: 'text-sender-blocked',
    pattern:
      /(?:your (?:IP|host|server|network|domain)[^.]{0,60}|sender(?:'s)? (?:IP |host |domain )?(?:address )?|mail from [^ ]{1,100} |access from ip address [^ ]{1,60} )(?:is |has been |was )(?:temporarily )?(?:blocked|banned|denied|blacklisted|rejected)|refused to talk to me: 5|blocked using|client host rejected(?!: please try)|(?:server|host) at \S{1,255} is blocked|no access from (?:your )?(?:mail )?server|not (?:currently )?accepting mail from your|dynamic ips?\b|open proxy|dial-?up or dynamic|\bIPs blocked|(?:refused|denied) (?:due to|for|because of) abuse|too many bounces|mismatch(?:es)? client ip|blocked for abuse|\bgo away\b|smtp server of your isp|confirm this mail server|is not allowed to send (?:mail )?from/i,
    category: 'ip_listed',
    codeClass: 5,
  },

  // Too fast.
  { name: 'yahoo-deferral', pattern: /\[(?:TS0[1-4]|TSS0[45]|IPTS0[45])\]/, category: 'rate_limited' },
  {
    name: 'comcast-outlook-orange-rate',
    pattern: /\bRL0000\d\d\b|\bRP-00[1-3]\b|OFR_?(?:004_)?(?:104|999)\b/,
    category: 'rate_limited',
  },
  {
    name: 'gmail-unusual-rate',
    pattern: /unusual (?:rate|amount) of|rate limit|receiving mail (?:at a rate|too quickly)/i,
    category: 'rate_limited',
    overCode: true,
  },
  {
    name: 'text-too-many',
    pattern:
      /too many (?:concurrent |simultaneous |recent )?(?:connections|sessions|messages|mails?\b|recipients|errors)(?! (?:on|in) (?:the |your |his |her |their )?(?:server|mailbox|inbox|folder))|frequency limit(?:ed)?\b|connection (?:rate )?limit|exceeded the max e-?mails per|trop de connexions|too much mail(?! stored| in | data)|try again slower|(?:hourly|daily|sending|message) (?:limit|quota) (?:exceeded|reached)|(?:exceeded|reached) (?:the |its |your )?(?:hourly|daily|max(?:imum)? (?:number|rate)|sending|limit on (?:the )?number)/i,
    category: 'rate_limited',
  },
  {
    name: 'text-slow-down',
    pattern:
      /concurrent connections|max(?:imum)? messages? per connection|submission rate|sending rate|throttl|slow down|temporarily deferred|\bCS01\b|\bHM07\b/i,
    category: 'rate_limited',
    codeClass: 4,
  },
  {
    name: 'gmail-try-later',
    pattern: /try again later, closing connection/i,
    category: 'rate_limited',
    codeClass: 4,
  },

  // Greylisting, RFC 6647.
  { name: 'text-greylisted', pattern: /gr[ea]y-?list|DOC-1369#451/i, category: 'greylisted', codeClass: 4 },
  {
    name: 'text-try-in-seconds',
    pattern: /first attempt|try again in \d+ (?:s|min)/i,
    category: 'greylisted',
    codeClass: 4,
  },

  // The sender's address, in words that are said of recipients as well.
  {
    name: 'text-sender-unknown',
    pattern:
      /\bsender(?:'s)? (?:e-?mail |envelope )?(?:address |domain )?(?:is |was |has been |could not be |cannot be )?(?:rejected|refused|denied|invalid|unknown|unresolvable|empty|is not (?:in|at|of)\b|not (?:pre-?)?(?:approved|accepted|found|verified|resolved)|does not (?:exist|resolve)|verif(?:y|ication) fail)|domain of (?:the )?sender|(?:unroute?able|unresolvable|unverifiable|undeliverable|invalid|unknown|bad|bogus|forged|null|empty|blank) (?:envelope )?(?:senders?\b|return[- ]path|mail from)|(?:can ?not|can't|could not|unable to) (?:resolve|verify|find|route to) (?:the |your )?(?:sender|return[- ]path|mail from)|emetteur invalide|remitente (?:inv[aá]lido|rechazado)|absender(?:adresse)? (?:abgelehnt|unbekannt|ung(?:ü|ue)ltig)|mittente (?:non valido|rifiutato)|\bBATV\b|unsigned dsn|\bfrom: domain\b|your (?:e-?mail )?address is not verified|rejected: e-?mail address is not verified|(?:mail from|sender) (?:is )?not owned/i,
    category: 'policy',
    codeClass: 5,
    overCode: true,
  },

  // Mailbox.
  {
    name: 'text-mailbox-full',
    pattern:
      /over ?-?quota|overdrawn|out of storage|full mail ?box|mail ?box \S{1,320} is full|storage full|exhausted (?:\w{1,10} ){0,2}(?:storage|quota|space)|mail ?box size limit (?:is |was |has been )?(?:exceeded|reached)|(?:space|storage)[\w ]{0,20} not enough|mail ?(?:box|folder|file|drop)? (?:is |has been |was |too )?(?:full|exceeded)|(?:disk )?quota[\w ]{0,20} exceed|exceed(?:s|ed|ing)? (?:its |the |their |your |his |her |storage |disk |mailbox |maximum |allowed |allocated |user |size ){0,4}(?:quota|allocation|storage|mailbox|disk|space)|(?:mailbox|inbox|account|user|recipient)[^.]{0,40}(?:exceed(?:s|ed)|is (?:over|above))[^.]{0,30}(?:size|limit|quota|storage|space|allowed)|mailbox[^.]{0,40}\bfull\b|not enough (?:storage )?space|no space left in|reached (?:its|the) (?:quota|limit)|quota (?:violation|limit|reached)|exceeded (?:email|mail) quota|over (?:the )?(?:maximum )?(?:allowed |storage |disk )(?:size|space|quota|limit)|would exceed|disk full|mbx_full|maildir (?:delivery )?over|number of messages in recipient|too many (?:messages|mails) (?:on|in) (?:the |your |his |her |their )?(?:server|mailbox|inbox|folder)|too much mail data|not have enough (?:disk |storage |free )?space|space has been used up|reached (?:\w{1,10} )?(?:disk |storage |mailbox )quota|exceeding (?:\w{1,10} )?receiving limits?|mail file size exceeds/i,
    category: 'mailbox_full',
    overCode: true,
  },
  {
    name: 'text-mailbox-full-words',
    pattern:
      /boite du destinataire pleine|bo[iî]te (?:aux lettres |mail )?(?:est )?pleine|insufficient mailbox|postfach (?:ist )?(?:voll|überfüllt)|zu ?viele (?:e-?)?mails auf dem server|buz[oó]n (?:est[aá] )?(?:lleno|completo)|casella (?:di posta )?piena|caixa (?:postal |de entrada )?cheia|почтовый ящик[^.]{0,20}переполнен|容量|一杯|満杯|已满|空间不足/i,
    category: 'mailbox_full',
    overCode: true,
  },
  {
    name: 'text-mailbox-closed',
    pattern:
      /(?:account|mailbox|user|recipient|address|e-?mail)(?: \S{1,100})? (?:is |has been |was |have been )?(?:permanently |now )?(?:disabled|closed|deactivated|terminated|cancell?ed|deleted|expired|removed|discontinued|locked by admin)\b|no longer (?:available|active|valid|exists?|in use|on (?:our )?server|works?|employed|with|on (?:this|the) (?:server|system)|has an account|accept(?:s|ing)|a customer|used|maintained|monitored|here)|account (?:is )?(?:closed|dead)|account that you tried to reach is disabled|\bis now disabled\b|discontinued (?:user|mailbox|account)|(?:user|account|mailbox) (?:has )?(?:moved|left)\b|DisabledUser|(?:casilla|buz[oó]n|cuenta|caixa postal|conta) (?:\S{1,80} )?(?:(?:ha|foi|est[aáà]|ha sido) )?(?:expirado|caducado|cancelad[oa]|desactivad[oa]|desativad[oa]|eliminad[oa])/i,
    category: 'invalid_recipient',
    codeClass: 5,
  },
  {
    name: 'text-host-try-again',
    pattern: /host not found, try again|name service error[^.]{0,200}try again/i,
    category: 'dns_failed',
  },
  {
    name: 'text-host-not-found',
    pattern:
      /host (?:or domain name )?not found|name service error|name or service not known|domain (?:name )?not found|dead domain|(?:mail |recipient |destination )domain[^.]{0,60} (?:is unknown|must exist)|unknown domain name|DNS records?[^.]{0,60} (?:could|can) ?not be found|could not be found in (?:the )?(?:domain name|DNS)/i,
    category: 'invalid_domain',
    codeClass: 5,
  },
  {
    name: 'text-user-unknown',
    pattern:
      /user (?:is )?unknown|unknown user|no such (?:user|mailbox|recipient|address|person|account|local|alias|id\b|name|e-?mail|mail drop)|(?:user|mailbox|recipient|address|account)_(?:not_found|unknown|invalid)|(?:user|account|recipient|rcpt|address|mailbox|alias)(?:[^.]{0,80}| \S{1,320} )does(?:n't| not| ?n&#39;t) ?exist|doesn't have (?:a|an) \S{1,100} account|does not have (?:a|an) (?:\S{1,100} )?(?:account|mailbox)|\bNoSuchUser\b|\bRecipNotFound\b|RESOLVER\.ADR\.\w*(?:NotFound|Unknown)/i,
    category: 'invalid_recipient',
  },
  {
    name: 'text-invalid-recipient',
    pattern:
      /not our customer|recipient rejected(?!:)|> not ok\b|not a member of (?:the )?domain|not found in (?:the )?(?:LDAP|directory|database|alias)|no one (?:with|by|here)|not exists\b|handle mail for (?:that|this) (?:user|address)|recipient not allowed|address lookup [^.]{0,40} failed|sconosciut[oa]|destinatario (?:errato|inesistente|non (?:trovato|valido))|indirizzo (?:inesistente|errato|non (?:trovato|valido))|nie istnieje|nie ma takiego|bad ?(?:rcpt|recipient) ?to\b|(?:not|isn't) in my valid ?rcpt ?to|envelope recipient (?:has been |is |was )?(?:denied|rejected)|recipient (?:is )?not (?:accepted|ok\b)|no valid recipients?\b|addresses were unknown|account (?:is )?unavailable|(?:mailbox|recipient|user|address|account|name)(?: \S{1,100}){0,3} (?:could|can) ?not be (?:found|resolved|verified)|<\S{1,255}@\S{1,255}> (?:not found|unknown)|mailbox unavaiable|no existe (?:dicha|ese|esa|esta|el|la|tal) (?:persona|usuario|cuenta|direcci[oó]n|buz[oó]n)|nessun utente|(?:invalid|bad|illegal|incorrect|nonexistent|non-existent|unrecogni[sz]ed|undefined|unresolvable|undeliverable|nonexisting|wrong)[ _](?:(?:final|delivery|destination|local|e-?mail) ){0,2}(?:recipient|mailbox|address|user(?:id)?\b|username|account|destination mailbox)|adresse d.{0,40}invalide|(?:recipient|user(?: ?name)?|mailbox|account|address(?:ee)?|alias|name)(?: \S{1,100}){0,3} (?:was |is |were |could not be |cannot be |can't be |couldn't be )?(?:not (?:been )?(?:found|known|valid|recogni[sz]ed|listed|exist|local|registered|defined|a known|a valid|resolvable|present)|unknown|invalid|nonexistent|found on this)|recipient address rejected: (?:user|access denied|undeliverable|no such|unknown|address)|mailbox (?:name )?(?:unavailable|not allowed|not available|syntax incorrect|does)|unrout(?:e)?able address|unknown (?:local[- ]?part|local |virtual |or (?:illegal|invalid) )?(?:user|recipient|address(?:ee)?|mailbox|account|alias|e-?mail)|no mail ?box (?:here|by|found|available)|not an active (?:e-?mail )?(?:user|mailbox|recipient|address|account)|not (?:a )?(?:valid|known|local|legal|existing) (?:e-?mail )?(?:user|mailbox|recipient|address|account|on this)|not listed in (?:public )?(?:domino directory|name ?(?:&|and) ?address book|directory)|does not have a final e-?mail|n['’]existe pas|non recens|no valid recipients (?:for this|were found)|no (?:valid )?(?:match(?:es)?(?: for| in| to)|users? (?:here|by)|account (?:by|here|with)|local (?:mailbox|user)|record of)|(?:user|person|recipient) (?:not|isn't|is not) (?:here|known|found|local|listed|exist)|(?:can ?not|can't|could not|couldn't|unable to) (?:find|verify|resolve|locate|look ?up) (?:the )?(?:\S{1,100} )?(?:user|recipient|mailbox|address|account)|there is no (?:such|one|user|account|mailbox)|isn't (?:a|on) (?:valid|known|our|this|my) |it isn't in my|sorry, no mailbox|does not like recipient|(?:ldap|directory) lookup (?:failed|error)|unable to validate recipient|address (?:lookup|resolution|probe) failed|failed to (?:find|resolve) (?:the )?recipient|adressat unbekannt|benutzer (?:unbekannt|existiert nicht)|empf(?:ä|ae)nger(?:adresse)? (?:ist )?(?:unbekannt|ung(?:ü|ue)ltig|existiert nicht)|utilisateur inconnu|destinataire (?:inconnu|invalide)|usuario (?:desconocido|inexistente|no existe)|utente (?:sconosciuto|inesistente|non trovato)|usu[aá]rio (?:desconhecido|inexistente|n[aã]o existe)|нет такого|не существует|неизвестн|宛先|見つかりません|存在しません|用户不存在|不存在|사용자/i,
    category: 'invalid_recipient',
    codeClass: 5,
  },
  {
    name: 'mimecast-invalid-recipient',
    pattern: /\bDOC-1369#550\b/,
    category: 'invalid_recipient',
    codeClass: 5,
  },
  {
    name: 'text-inactive',
    pattern:
      /(?:account|mailbox|user|recipient|address|box)[^.]{0,60} (?:is |has been |was |currently |temporarily |not ){0,3}(?:inactive|disabled|suspended|frozen|locked|not active|inactivated|blocked by)|mailbox (?:cannot be accessed|is (?:currently )?unavailable|is busy)|(?<!delivery )temporarily (?:disabled|inactive|suspended|locked)|(?:user|account|recipient)(?: \S{1,100})? (?:is )?not (?:currently )?(?:active|accepting|receiving|activated)|is not accepting (?:any )?(?:mail|message)|refus(?:ed|al) (?:due to|by) recipient|not accepting mail(?! from| with)|inactive (?:user|account|mailbox|recipient)|not currently being accepted|due to inactivity|\binactivo\b|\binativo\b|nieaktywn|zablokowan|bloccato per|(?:recipient|user) suspend|destinataire archiv/i,
    category: 'inactive',
  },

  // The domain, as reporting servers say it.
  {
    name: 'text-null-mx',
    pattern:
      /null ?-?mx|(?<!\b(?:user|recipient|account|mailbox|group) )does not accept (?:any )?(?:e-?)?mail\b(?! (?:in|from|with|of|that)\b)|nullMX/i,
    category: 'no_mx',
    codeClass: 5,
  },
  {
    name: 'text-no-such-domain',
    pattern:
      /domain (?:name )?(?:\S{1,255} )?(?:does(?:n't| not) exist|(?:was |is )?not (?:found|registered|exist)|is invalid|unknown|couldn't be found)|host (?:or domain name )?(?:\S{1,255} )?(?:not found|unknown|does not exist)|unknown (?:host|domain)|no such (?:domain|host)|(?:bad|invalid|illegal|nonexistent|non-existent|unrouteable|unroutable|unresolvable|unregistered|undefined) (?:mail |recipient |destination |e-?mail )?(?:domain|host)|couldn't find any host|NXDOMAIN|non-?existent (?:host|mail)|name (?:or service|service) (?:not known|error)|all (?:relevant )?MX records point to non-existent|(?:can ?not|can't|could not|couldn't|unable to) (?:find|resolve|locate|look ?up)(?: a| an| any| the| valid)? (?:\S{1,255} )?(?:host|domain|MX|mail server|route)|domain name[^.]{0,100}does not appear|lookup of \S{1,255} failed|does not appear to be registered|no (?:valid )?(?:MX|mail exchanger|DNS entry|A record|DNS (?:record|data))|DNS (?:type|lookup).{0,100}(?:had no relevant|no such)|DNS Error: Domain name not found|HTTP_HOST_UNKNOWN|Unrouteable/i,
    category: 'invalid_domain',
    codeClass: 5,
  },

  {
    name: 'text-relaying-denied',
    pattern:
      /relay(?:ing)? (?:access |operation |attempt )?(?:is |was )?(?:denied|rejected|not permitted|not allowed|prohibited|disallowed|refused|blocked|not (?:yet )?authori[sz]ed)|unable to relay|(?:not (?:a |an )?(?:permitted|allowed|authori[sz]ed|open)|don't|do not|cannot|won't|not) (?:to )?relay|we do not relay|allowed rcpthosts|not in my list of allowed|no relay|insecure mail relay|unauthori[sz]ed relay|not (?:a )?local host|local users? only|relay(?:ing)? (?:mail|for)|not a local domain|mail server (?:is )?(?:not|isn't) (?:responsible|configured) for/i,
    category: 'relaying_denied',
    codeClass: 5,
  },
  {
    name: 'text-relaying-denied-for-now',
    pattern:
      /relay(?:ing)? (?:access )?(?:is )?(?:denied|not permitted|not allowed|prohibited)|unable to relay/i,
    category: 'relaying_denied',
  },
  {
    name: 'text-too-large',
    pattern:
      /(?:message|size|mail|content|attachment)s? (?:size )?(?:is |was |file )?(?:too (?:large|big|long)|exceed|larger than|over the (?:size )?limit|limit exceeded|bigger)|exceed(?:s|ed|ing)? (?:the )?(?:max(?:imum)? |fixed |size |incoming |allowed )+(?:message |mail )?(?:size|limit)|too (?:large|big) (?:message|mail|for)|file too large|exceed(?:s|ed) maximum inbound|message length exceeds|size limit (?:exceeded|for)/i,
    category: 'message_too_large',
    overCode: true,
  },

  // Content and standing.
  {
    name: 'text-spam-content',
    pattern:
      /likely (?:unsolicited|spam|suspicious)|(?:rejected|blocked|refused|classified|identified|detected|flagged|considered|marked|tagged|recogni[sz]ed)(?: as| to be| like| because it (?:is|was)| due to| for|by)? (?:a |an |being |possible |probable |potential )?(?:spam|unsolicited|junk|UCE|bulk)|\bAS\(9\d\d\)|content filter|looks? (?:too much )?like (?:spam|unsolicited|UBE|UCE)|spam (?:message|content|detected|score|filter|policy|or virus)|\bOFR_506\b|URL bloqu|(?:no|not accept|refuse) spam|anti-?spam|is spam\b|\bUBE\b|appears? to be (?:spam|unsolicited|UCE)|cloudmark|spamassassin|high probability of spam|bayesian|\bdspam\b|spam ?(?:signature|profiler)|(?:bulk|mass) ?(?:e-?mail|mail)(?:er|ing)?s?\b|mail content denied|\breject, id=\d|message filtered|unacceptable content|recurrent pattern|bulk\.advert|blocked by our (?:\w{1,20} )?filter|suspicious (?:content|activity)|considered (?:spam|unsolicited)|unsolicited/i,
    category: 'spam_content',
    codeClass: 5,
    overCode: true,
  },
  {
    name: 'text-reputation',
    pattern: /reputation|\[?\bHM08\b|poor (?:sender )?score|bad (?:sending )?history/i,
    category: 'reputation',
  },
  {
    name: 'text-content',
    pattern:
      /\bvirus(?:es)?\b|malware|content reject|attachment type|security polic|(?:message|mail) content (?:rejected|not (?:allowed|accepted)|refused)|prohibited (?:content|attachment)|(?:banned|forbidden|dangerous|executable|blocked|illegal) (?:content|attachment|file)|attachments? (?:is |are )?not (?:allowed|accepted|permitted)|infected|bare (?:LF|linefeed)|malformed (?:message|header)|invalid (?:header|content|message)|content restriction|8-?bit.{0,60}header|improper use of/i,
    category: 'content_rejected',
    codeClass: 5,
  },
  {
    name: 'text-sender-refused',
    pattern:
      /sender (?:address )?(?:is )?(?:rejected|denied|refused|not (?:allowed|authori[sz]ed|permitted|accepted|verified|on)|invalid|unknown|verif)|(?:only|restricted to) (?:accepts? (?:mail|messages) from|(?:members|subscribers|authori[sz]ed|internal) )|not (?:authori[sz]ed|permitted|allowed|privileged|enough permission)[^.]{0,30} to (?:send|post|use|submit)|do(?:es)? not (?:accept|have permission|want)|not accepting mail (?:from|with)|RESOLVER\.RST\.|you (?:are|have been) (?:blocked|not allowed)|delivery not authori[sz]ed|blocked by (?:the )?(?:recipient|user|filter|rule|policy)|rejected by (?:a )?(?:filter|rule|policy|administrat|recipient|user)|prohibited by administrator|message refused|administrative(?:ly)? prohib|will not accept delivery|blocking senders/i,
    category: 'policy',
    codeClass: 5,
  },
  {
    name: 'text-spam-word',
    pattern: /\bspam(?:ming|mers?)?\b|\bjunk ?mail\b/i,
    category: 'spam_content',
    codeClass: 5,
  },
  {
    name: 'text-policy',
    pattern:
      /policy (?:reasons|restrictions|violation|reject)|(?:denied|refused|rejected|blocked) by (?:\S{1,40} )?polic|organi[sz]ation(?:al)? (?:policy|settings)|protocol violation|members?-only|closed mailing list|only accepting (?:mail|messages) from|local policy|violates|access[- ]denied|due to policy|mail refused/i,
    category: 'policy',
    codeClass: 5,
  },

  // What stood in the way, as reporting servers say it.
  {
    name: 'text-dns-failed',
    pattern:
      /DNS (?:server )?(?:failure|failed|error|timeout|lookup|problem|query|soft)|name server:|name service (?:error|timeout)|(?:host|domain)(?: name)? lookup (?:did not complete|fail|defer)|CNAME lookup failed|temporary (?:lookup|DNS|resolution|name)|servfail|name server reply|could not find a gateway|lowest numbered MX record points to local/i,
    category: 'dns_failed',
  },
  {
    name: 'text-connection-failed',
    pattern:
      /connect(?:ion|ed)?(?: to)?(?: \S{1,300})?(?: was| has been)?:? (?:refused|reset|timed out|dropped|died|lost|closed|failed|aborted|terminated|interrupted)|could(?: not|n't) (?:establish|connect|make|open)|(?:unable|failed|not able|impossible) to (?:connect|establish|contact|reach)|can(?:not|'t) connect|lost connection|no route to host|(?:host|network|server)(?: \S{1,255})? (?:is )?(?:unreachable|down|not respond|did not respond)|(?:not|no) (?:answer|respon(?:d|se)) (?:from|by)|broken pipe|socket error|smtp (?:session|connection|protocol) (?:failure|error|timed)|server (?:is )?(?:not responding|unreachable|down)|bad connection|conversation with \S{1,255}(?:\[\S{1,60}\])? timed out|I\/O error|unexpectedly (?:closed|terminated|disconnected)|no (?:hosts?|servers?) (?:available|reachable)|no response/i,
    category: 'connection_failed',
  },
  {
    name: 'text-timed-out',
    pattern:
      /retry time not reached|failing for a long time|(?:retry|delivery|queue|message|time|deferral)[^.]{0,40} ?(?:time(?:d)? ?-?out|timed out|expir|timeout exceeded|limit exceeded|time exceeded|too long)|time ?limit exceeded|(?:not|un)(?:able to)?(?: be)?(?: been)? delivere?d? (?:for|in|within|after) (?:\d|the)|in (?:the )?queue (?:too long|for|longer)|expired|too old|lifetime|giving up after|not (?:been )?(?:collected after|reachable within)|allowed queue period|has timed out|\btimed? ?out\b|attempts? (?:made|failed|exceeded)|failed \d{1,4} attempts|delivery attempts|will keep trying|retried for|after trying for|max(?:imum)? (?:retr|time|number of)|for (?:more than |over )?\d{1,3} (?:hours|days)/i,
    category: 'timed_out',
  },
  {
    name: 'text-loop',
    pattern:
      /too many hops|mail (?:forwarding )?loop|forwarding loop|loops? back to|hop count exceeded|routing loop|loop detected|looping/i,
    category: 'server_busy',
  },

  // The server's own trouble.
  {
    name: 'text-no-resources',
    pattern:
      /insufficient (?:system )?(?:storage|resources)|system storage|no space left|out of (?:memory|space)/i,
    category: 'server_busy',
    codeClass: 4,
  },
  {
    name: 'text-server-busy',
    pattern:
      /server (?:is )?(?:too )?busy|service (?:temporarily |currently )?(?:un|not )available|temporar(?:y|ily)|try (?:again )?later|resources temporarily/i,
    category: 'server_busy',
    codeClass: 4,
  },
  {
    name: 'text-unavailable-for-now',
    pattern: /(?:temporarily|currently) (?:un|not )available|too busy|load is too high|too much load/i,
    category: 'server_busy',
    codeClass: 5,
  },
  {
    name: 'text-server-fault',
    pattern:
      /configuration error|internal (?:server )?error\b|local (?:error|configuration)|temporary (?:local|system|server) |interrupted system call|input.output error|can not (?:open|create|write)|write error|misconfigured|because there is no mdb|mailer (?:failed|died|error)|\b(?:system|server) error|can't create|cannot (?:open|create|write|append|update)|could not (?:open|create|write)|unable to (?:open|create|write|deliver to mailbox)|permission denied|I\/O|deferred due|error writing|unsafe mode|read-only|\block(?:ed|ing)? (?:file|mailbox)/i,
    category: 'server_busy',
  },
];

/** Characters of a reply that are looked at: a stranger wrote it. */
const mostWords = 1_000;

export interface WordsFound {
  readonly rule: string;
  readonly category: ReplyCategory;
}

const firstOf = (answers: readonly KnownAnswer[], text: string, code: number): WordsFound | undefined => {
  const codeClass = Math.floor(code / 100);
  const words = text.length > mostWords ? text.slice(0, mostWords) : text;
  const found = answers.find(
    (answer) => (answer.codeClass ?? codeClass) === codeClass && answer.pattern.test(words),
  );
  return found === undefined ? undefined : { rule: found.name, category: found.category };
};

const overCode = knownAnswers.filter((answer) => answer.overCode === true);

/** What the words of a reply give away; undefined: they are not known. */
export const knownAnswer = (text: string, code: number): WordsFound | undefined =>
  firstOf(knownAnswers, text, code);

/** As {@link knownAnswer}, by those words alone that count more than an enhanced code. */
export const answerOverCode = (text: string, code: number): WordsFound | undefined =>
  firstOf(overCode, text, code);
