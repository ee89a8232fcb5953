import { showHtml } from './show-html.js';

const [signIn, search] = document.querySelectorAll('form');
const [status, mailbox, list, more, article] = ['[role=status]', '.mailbox', '.emails', '#more', 'article'].map((selector) => document.querySelector(selector));
let token = '';
let nextPageToken = '';

/** Calls the API; throws with what a person can read. */
async function call(path, options = {}) {
  const response = await fetch(path, { ...options, headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) } });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.detail ?? answer.title);
  return answer;
}

/** Does what was asked for, or tells why it could not be done. */
const tried = (work) => async (event) => {
  event?.preventDefault();
  status.textContent = 'One moment …';
  try {
    status.textContent = (await work(event)) ?? '';
  } catch (error) {
    status.textContent = error.message;
  }
};

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};
const timeOf = (text) => new Date(text).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

async function load(isMore) {
  const to = new FormData(search).get('to').trim().toLowerCase();
  const query = new URLSearchParams({ page_size: '50', ...(to && { filter: `to = ${JSON.stringify(to)}` }), ...(isMore && { page_token: nextPageToken }) });
  const { emails = [], nextPageToken: next = '' } = await call(`/v1/email/mailbox?${query}`);
  nextPageToken = next;
  if (!isMore) list.replaceChildren();
  list.append(...emails.map(itemOf));
  more.hidden = nextPageToken === '';
  mailbox.hidden = list.childElementCount === 0;
  return list.childElementCount === 0 ? 'The mailbox is empty.' : undefined;
}

function itemOf({ emailId, subject, to, createTime }) {
  const button = element('button', { type: 'button' }, element('b', { textContent: subject, dir: 'auto' }), element('span', { textContent: to }), element('span', { textContent: timeOf(createTime) }));
  button.addEventListener('click', tried(() => show(emailId, button)));
  return element('li', {}, button);
}

async function show(emailId, button) {
  const email = await call(`/v1/email/mailbox/${emailId}`);
  for (const other of list.querySelectorAll('button')) other.setAttribute('aria-current', String(other === button));
  const facts = { From: email.fromHeader, To: email.toHeader, Sent: timeOf(email.createTime), Template: email.template, Language: email.language };
  const html = element('div');
  article.replaceChildren(
    element('h2', { textContent: email.subject, dir: 'auto' }),
    element('dl', {}, ...termsOf(facts)),
    html,
    element('details', {}, element('summary', { textContent: 'As plain text' }), element('pre', { textContent: email.text, dir: 'auto' })),
    element('details', {}, element('summary', { textContent: 'Headers' }), element('dl', {}, ...termsOf(email.headers))),
  );
  showHtml(html, email.html);
  article.focus();
}

const termsOf = (facts) => Object.entries(facts).flatMap(([name, text]) => [element('dt', { textContent: name }), element('dd', { textContent: text })]);

signIn.addEventListener('submit', tried(async () => {
  const session = await call('/v1/sessions', { method: 'POST', body: JSON.stringify(Object.fromEntries(new FormData(signIn))) });
  if (!session.accessToken) return 'This account needs a second factor, which this page does not ask for.';
  token = session.accessToken;
  [signIn.hidden, search.hidden] = [true, false];
  return load(false);
}));
search.addEventListener('submit', tried(() => load(false)));
more.addEventListener('click', tried(() => load(true)));
