import { call, signIn, signOut } from './sign-in.js';

const [status, secret, list, more, editor, form, cancel, out] = ['[role=status]', '.secret', 'ul.cards', '#more', '#editor', '#editor form', '#cancel', '#out'].map((selector) => document.querySelector(selector));
const draftKey = 'mainstay client draft';
const clients = '/v1/oauthClients';
const lists = ['redirectUris', 'postLogoutRedirectUris', 'scopes'];
/** Those that may be changed, as the API names them. */
const changeable = ['name', 'grants', 'redirectUris', 'postLogoutRedirectUris', 'backchannelLogoutUri', 'jwks', 'serviceRole', 'scopes', 'requiresDpop', 'requiresPushedRequests'];
let edited;
let nextPageToken = '';

const element = (name, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

/** Does what was asked for, or tells why it could not be done. Who must prove anew who they are finds what they typed again. */
const tried = (work) => async (event) => {
  event?.preventDefault();
  status.textContent = 'One moment …';
  try {
    status.textContent = (await work()) ?? '';
  } catch (error) {
    if (error.reason !== 'sys-core.STEP_UP_REQUIRED') return void (status.textContent = error.message);
    status.replaceChildren('This is dangerous, so prove again who you are, then repeat it. ', actionOf('Log in again', () => signIn({ anew: true })));
  }
};

const actionOf = (label, work) => {
  const button = element('button', { type: 'button', className: 'plain', textContent: label });
  button.addEventListener('click', tried(work));
  return button;
};

async function load(isMore = false) {
  const { oauthClients = [], nextPageToken: next = '' } = await call(`${clients}?${new URLSearchParams({ page_size: '50', ...(isMore && { page_token: nextPageToken }) })}`);
  nextPageToken = next;
  if (!isMore) list.replaceChildren();
  list.append(...oauthClients.map(cardOf));
  [more.hidden, editor.hidden, out.hidden] = [next === '', false, false];
  return list.childElementCount === 0 ? 'There are none yet.' : undefined;
}

function cardOf(client) {
  const { oauthClientId: id, name, disabled = false, grants = [], authentication, redirectUris = [], serviceRole } = client;
  const facts = { client_id: id, 'gets tokens by': grants.join(', '), 'proves itself by': authentication, 'sent back to': redirectUris.join(' '), 'by itself': serviceRole === 'ROLE_UNSPECIFIED' ? '' : serviceRole };
  const path = `${clients}/${id}`;
  const patch = (changes) => call(`${path}?update_mask=${Object.keys(changes)}`, { method: 'PATCH', body: changes });
  return element('li', {},
    element('span', { className: 'name' }, element('span', { textContent: name, dir: 'auto' }), element('span', { className: `state ${disabled ? 'quarantined' : 'running'}`, textContent: disabled ? 'disabled' : 'enabled' })),
    element('dl', {}, ...Object.entries(facts).filter(([, text]) => text).flatMap(([term, text]) => [element('dt', { textContent: term }), element('dd', { textContent: text })])),
    element('p', { className: 'actions' },
      actionOf('Change', () => edit(client)),
      actionOf(disabled ? 'Enable' : 'Disable', async () => (await patch({ disabled: !disabled }), load())),
      ...(/SECRET/.test(authentication) ? [actionOf('New secret', async () => showSecret(name, (await call(`${path}:rotateSecret`, { method: 'POST', body: {} })).clientSecret))] : []),
      actionOf('Remove', async () => (confirm(`Remove ${name}, and end all sessions that it was granted?`) ? (await call(path, { method: 'DELETE' }), load()) : undefined)),
    ),
  );
}

function showSecret(name, clientSecret) {
  secret.replaceChildren(`The secret of ${name}, shown this once: `, element('code', { textContent: clientSecret }));
  secret.hidden = false;
}

const fields = () => [...form.elements].filter(({ name }) => name);

function fill(client) {
  for (const field of fields()) {
    const value = client[field.name];
    if (field.type === 'checkbox') field.checked = field.name === 'grants' ? (value ?? []).includes(field.value) : value === true;
    else field.value = Array.isArray(value) ? value.join(field.tagName === 'TEXTAREA' ? '\n' : ' ') : value === 'ROLE_UNSPECIFIED' ? '' : (value ?? '');
  }
}

/** What stands in the form, as the API takes it. */
function entered() {
  const data = new FormData(form);
  const listed = (name) => data.get(name).split(/\s+/).filter(Boolean);
  const client = Object.fromEntries(fields().map(({ name, type }) => [name, type === 'checkbox' ? data.has(name) : lists.includes(name) ? listed(name) : (data.get(name)?.trim() ?? '')]));
  return { ...client, grants: data.getAll('grants'), serviceRole: client.serviceRole || 'ROLE_UNSPECIFIED' };
}

function edit(client) {
  edited = client;
  fill(client);
  // It is laid down when a client is made.
  form.elements.authentication.disabled = true;
  [editor.open, cancel.hidden, form.querySelector('button').textContent, editor.querySelector('summary').textContent] = [true, false, 'Change it', `Change ${client.name}`];
  editor.scrollIntoView();
}

function editNone() {
  edited = undefined;
  form.reset();
  form.elements.authentication.disabled = false;
  [editor.open, cancel.hidden, form.querySelector('button').textContent, editor.querySelector('summary').textContent] = [false, true, 'Make it', 'Make a client'];
}

async function save() {
  const client = entered();
  if (edited) {
    const changes = Object.fromEntries(changeable.map((name) => [name, client[name]]));
    await call(`${clients}/${edited.oauthClientId}?update_mask=${changeable}`, { method: 'PATCH', body: { ...changes, etag: edited.etag } });
  } else {
    sessionStorage.setItem(draftKey, JSON.stringify(client));
    const { oauthClient, clientSecret = '' } = await call(clients, { method: 'POST', body: client });
    sessionStorage.removeItem(draftKey);
    if (clientSecret) showSecret(oauthClient.name, clientSecret);
  }
  editNone();
  return load();
}

form.addEventListener('submit', tried(save));
cancel.addEventListener('click', editNone);
more.addEventListener('click', tried(() => load(true)));
out.addEventListener('click', tried(signOut));
await tried(load)();
const draft = JSON.parse(sessionStorage.getItem(draftKey) ?? 'null');
if (draft) {
  fill(draft);
  editor.open = true;
}
