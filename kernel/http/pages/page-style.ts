/** The look of the kernel's own pages: light and dark, wide and narrow. */
export const pageStyle = `
:root { color-scheme: light dark; --ground: #f7f7f5; --card: #fff; --ink: #1c2321; --faint: #5b6663; --line: #dfe3e0; --brand: #0b6e5f; --good: #1a7f4b; --wait: #8a6100; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #131817; --card: #1b2220; --ink: #e8edeb; --faint: #9aa8a3; --line: #2f3a37; --brand: #5cc9b5; --good: #5fd394; --wait: #e6b450; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .75rem; padding: 1rem max(1rem, calc(50vw - 30rem)); border-bottom: 1px solid var(--line); background: var(--card); }
header svg { width: 2rem; height: 2rem; color: var(--brand); flex: none; }
header h1 { margin: 0; font-size: 1.15rem; font-weight: 650; }
header a { color: inherit; text-decoration: none; }
header nav { margin-left: auto; display: flex; flex-wrap: wrap; gap: .25rem 1rem; font-size: .95rem; }
header nav a { color: var(--brand); }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h2 { font-size: 1rem; margin: 2rem 0 .75rem; }
.lead { margin: 0; color: var(--faint); }
ul.cards { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); }
ul.cards li { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1rem; overflow-wrap: anywhere; }
.name { font-weight: 600; display: flex; justify-content: space-between; gap: .5rem; flex-wrap: wrap; }
.state { font-weight: 500; font-size: .85rem; color: var(--faint); }
.state::before { content: ""; display: inline-block; width: .6em; height: .6em; border-radius: 50%; background: currentColor; margin-right: .4em; }
.running { color: var(--good); } .starting { color: var(--wait); } .quarantined { color: var(--bad); }
.small { font-size: .88rem; color: var(--faint); margin: .3rem 0 0; }
main a { color: var(--brand); }
main form { display: grid; gap: .75rem; max-width: 22rem; margin: 0 0 1.5rem; }
main label { display: grid; gap: .25rem; font-size: .88rem; color: var(--faint); }
main :is(input, select, textarea, button) { font: inherit; font-size: 1rem; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .7rem; }
main button { color: var(--card); background: var(--brand); border-color: transparent; font-weight: 600; cursor: pointer; }
code { font: .9em ui-monospace, monospace; }
`;

/** A keystone in an arch: what everything leans on. */
export const logo = '<svg viewBox="0 0 32 32" xmlns="http://www.w3.org/2000/svg" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linejoin="round" aria-hidden="true"><path d="M3 29V17a13 13 0 0 1 26 0v12h-7V17a6 6 0 0 0-12 0v12z"/><path d="M12.5 4.4 14 11.4h4l1.5-7" fill="currentColor"/></svg>';

export const favicon = logo.replaceAll('currentColor', '#0b8a77');
