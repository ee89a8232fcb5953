const tags = new Set(['a', 'b', 'bdi', 'br', 'div', 'h1', 'p', 'table', 'tbody', 'td', 'tr']);
const attributes = ['dir', 'lang', 'class', 'align', 'width', 'cellpadding', 'cellspacing', 'role', 'bgcolor'];

const sheets = /<style>([^]*?)<\/style>/g;

/** Shows the HTML of an e-mail apart from the page: what templates are made of, and nothing that runs or loads. */
export function showHtml(host, html) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  root.adoptedStyleSheets = [...html.matchAll(sheets)].map(([, text]) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return sheet;
  });
  // The page's policy forbids styles in what is parsed, so they are set one by one.
  const parsed = new DOMParser().parseFromString(html.replaceAll(sheets, '').replaceAll(' style="', ' data-style="'), 'text/html');
  const body = document.createElement('div');
  body.lang = parsed.documentElement.lang;
  body.dir = parsed.documentElement.dir;
  take(parsed.body, body);
  root.replaceChildren(body);
}

/** Copies what is known. */
function take(from, to) {
  for (const name of attributes) if (from.hasAttribute(name)) to.setAttribute(name, from.getAttribute(name));
  to.style.cssText = from.dataset.style ?? '';
  if (from.localName === 'a' && /^https?:\/\//i.test(from.getAttribute('href') ?? '')) Object.assign(to, { href: from.getAttribute('href'), target: '_blank', rel: 'noopener noreferrer' });
  for (const child of from.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) to.append(child.textContent);
    else if (tags.has(child.localName)) to.append(take(child, document.createElement(child.localName)));
  }
  return to;
}
