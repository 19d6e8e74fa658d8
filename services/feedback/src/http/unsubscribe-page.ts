/** What a person sees who follows an unsubscribe link: a page that does nothing until a button is pressed. */
import { everyList } from '@millrace/core';

export interface PageFacts {
  readonly recipient: string;
  /** The list that the mail was of; null: it names none. */
  readonly list: string | null;
  /** No mail of that list, or of none, is sent now. */
  readonly fromList: boolean;
  /** No list at all is sent now. */
  readonly fromAll: boolean;
  /** What was just done. */
  readonly done: 'unsubscribed' | 'subscribed' | undefined;
}

const entities: Readonly<Record<string, string>> = {
  ...{ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' },
};
const html = (text: string): string => text.replaceAll(/[&<>"']/g, (letter) => entities[letter] ?? letter);

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem;color:#222}' +
  'button{font:inherit;padding:.5rem 1rem;margin:.25rem .5rem .25rem 0;cursor:pointer}';

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
  `<meta name="robots" content="noindex"><title>${title}</title><style>${style}</style></head><body><h1>${title}</h1>${body}</body></html>`;

const button = (choice: string, list: string, text: string): string =>
  `<form method="post"><input type="hidden" name="choice" value="${choice}">` +
  `<input type="hidden" name="list" value="${html(list)}"><button>${html(text)}</button></form>`;

export const unsubscribePage = (facts: PageFacts): string => {
  const { recipient, list, fromList, fromAll, done } = facts;
  const said =
    done === 'unsubscribed'
      ? '<p><strong>You are unsubscribed.</strong></p>'
      : done === 'subscribed'
        ? '<p><strong>You get this mail again.</strong></p>'
        : '';
  const ofList =
    list === null || fromAll
      ? ''
      : fromList
        ? button('subscribe', list, `Get “${list}” again`)
        : button('unsubscribe', list, `Unsubscribe from “${list}”`);
  const ofAll = fromAll
    ? button('subscribe', everyList, 'Get mail again')
    : button('unsubscribe', everyList, list === null ? 'Unsubscribe' : 'Unsubscribe from everything');
  return page('Unsubscribe', `${said}<p>Mail to ${html(recipient)}</p>${ofList}${ofAll}`);
};

export const unknownLinkPage = (): string =>
  page('Unsubscribe', '<p>This link is not complete. Please use the one in the mail.</p>');

export const unavailablePage = (): string =>
  page('Unsubscribe', '<p>This does not work just now. Please try again in a minute.</p>');
