/** How servers say that a mail has failed, or waits, in subjects and sentences. */

const failureSubject =
  /undeliver(?:ed|able|y)|un-?deliverable|delivery (?:has )?(?:fail|problem|error|unsuccessful|status|notification|not|report|incomplete|time|attempt)|delivery(?: status)? notification|deliver(?:y)? (?:to|of) .{1,200} fail|mail(?: |-)?(?:er)?(?: |-)?(?:system )?(?:delivery )?(?:error|fail)|fail(?:ed|ure)? (?:notice|mail|message|to deliver|delivery|e-?mail)|failure (?:notice|delivering)|returned? (?:mail|e-?mail|message|to sender)|(?:mail|message|e-?mail) (?:could )?(?:not )?(?:be )?(?:return|undeliver|deliver|bounc|reject|refus|status|block)|bounced? (?:mail|message|e-?mail)|\bbounce\b|non[- ]?(?:delivery|remis)|\bNDN\b|\bNDR\b|could not (?:be )?(?:send|sent|deliver)|couldn't (?:be )?deliver|not (?:be )?delivered|unable to deliver|can(?:not|'t) (?:be )?(?:deliver|send)|(?:user|recipient|address|host|mailbox) (?:unknown|not|is full|full|over)|unknown (?:user|address|recipient)|no such (?:user|account)|invalid (?:address|recipient|e-?mail)|mailbox|over ?quota|quota (?:exceed|full)|nondeliverable|mail (?:problem|trouble)|rejected|blocked|zustell|unzustellbar|zurück|nicht (?:zustellbar|zugestellt)|non (?:remis|distribu)|échec|message non|no se (?:ha )?(?:pudo|entreg|puede)|no entregado|devuelto|fallo|error de (?:envío|entrega)|mancata|impossibile|recapit|não (?:foi )?(?:entreg|possível)|falha|devolvid|onbestelbaar|niet (?:bezorg|afgelever)|kunne ikke|levereres|kan inte levereras|toimitus|недостав|не (?:может|удалось|доставлен|было)|ошибка|возвра|配信(?:不能|エラー|できません)|送信(?:エラー|できません)|エラー|不達|未達|配送|宛先不明|退信|退回|无法(?:投递|送达)|投递失败|반송|전송 ?실패|retorn|alerta|warning|delayed|deferred|verzögert|mail delivery|error sending|sending failed|sorry/i;

/** Sentences of a failure. */
const failureSentence =
  /(?:could|can|was|were|has|have|is|did|does)(?: ?n['o]t|not) (?:yet )?(?:be(?:en)? )?(?:able to )?(?:be )?(?:deliver|sent|reach|send|accept|complete|process|find)|unable to (?:deliver|send|reach|relay|complete)|undeliver(?:able|ed)|(?:permanent|fatal|delivery|transient) (?:fatal )?(?:error|failure|problem)|deliver(?:y|ing)[^.\n]{0,100} fail|failed (?:to (?:deliver|send|reach)|recipient|address|permanently)|(?:was|were|been|being) (?:returned|rejected|refused|bounced|blocked)|following (?:address|recipient|error|reason|user|destination)|user (?:unknown|not)|unknown (?:user|recipient|address|host)|no such (?:user|address|mailbox|account|domain)|mailbox (?:is )?(?:full|unavailable|not)|over ?quota|quota|not (?:a )?(?:known|valid|found|exist|listed|recogni)|does(?:n't| not) exist|doesn't have|\b[45]\d\d [45]\.\d\.\d|<<< [45]\d\d|\bsaid: [45]\d\d|\b55[0-4]\b|no longer (?:valid|active|in|available|exists?|accept|with)|nicht (?:zugestellt|zustellbar|erreicht|ausgeliefert)|non (?:è stato|remis|può|distribu)|no (?:ha podido|se pudo|pudo|existe)|n'a (?:pas )?pu|não (?:pôde|foi)|niet (?:worden )?(?:bezorgd|afgeleverd)|не (?:может|удалось|был|доставлен|существует)|送信できませんでした|届けられ|配信でき|エラー|见到|无法|退回|不存在|失败/i;

const delaySentence =
  /(?:will|shall|continues? to|going to|we'll) (?:be )?(?:continu\w+|keep|re-?tr\w+|try\w*|attempt\w*)|has (?:been|not (?:yet )?been) (?:delayed|delivered yet)|(?:not yet|has not) been (?:able to be )?delivered|yet been delivered|delivery (?:has been|is|was) (?:delayed|deferred)|(?:you )?do not need to resend|this is (?:only )?a warning|warning message only|warning:|delay(?:ed)? (?:mail|delivery|notification|warning)|delivery (?:is )?(?:delayed|incomplete)|temporary (?:delivery )?(?:problem|failure|non-?fatal)|still (?:be )?(?:trying|being (?:tried|retried))|retry for|non-?fatal|no action is required on your part|transient (?:non-fatal|failure)|wird (?:weiterhin|noch|erneut)|zustellung verzögert|nouvelle tentative|continuar[áa]|(?:ещё|еще) не (?:было )?доставлено|попытки|再送/i;

/** What is said when nothing more is tried, whatever is said of trying beside it. */
const finalSentence =
  /(?:giv(?:en|ing)|gave) up|permanent(?:ly)? (?:fatal )?(?:error|fail)|failed permanently|will not (?:be )?(?:retr|try|attempt|continue)|no (?:further|more) (?:attempt|deliver|retr)|(?:has been|is being|was|is) returned to (?:you|sender)|undeliverable mail|has been removed from the (?:mail )?queue|expired|(?<!non-)fatal errors|couldn't be delivered|i won't (?:try|keep)/i;

/** Subjects that only a failure, or only a delay, has. */
const delaySubject =
  /delay|warning: (?:message|could not|mail)|deferred|verzögert|retard|will be re-?tried|incomplete|not yet|(?:transient|temporary) |still being retried|\(delay\)|warning/i;

export const hasFailureSubject = (subject: string): boolean => failureSubject.test(subject.slice(0, 300));

export const hasFailureWords = (words: string): boolean => failureSentence.test(words.slice(0, 8_000));

/** True: the server still tries. */
export const isDelay = (subject: string, words: string): boolean => {
  const start = words.slice(0, 4_000);
  if (
    /^returned mail:/i.test(subject) ||
    (/fail|undeliver|returned mail|returning|unzustellbar/i.test(subject) && !delaySubject.test(subject))
  )
    return (
      delaySentence.test(start) &&
      !finalSentence.test(start) &&
      /will (?:continue|keep|retry|be retried|try again)|do not need to resend|warning message only/i.test(
        start,
      )
    );
  return (delaySubject.test(subject) || delaySentence.test(start)) && !finalSentence.test(start);
};
