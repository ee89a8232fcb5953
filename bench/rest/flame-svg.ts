import type { Call } from './call-tree.ts';
import { stages } from './stages.ts';

const width = 1200;
const rowHeight = 17;
const top = 84;
const characterWidth = 6.1;
/** What is narrower is left out, as a share of all. */
const narrowest = 0.001;

/** Draws a tree of calls as an icicle: who called is above who was called, and as wide as the processor time of both. Gives one SVG file that needs nothing else. */
export function flameSvg(root: Call, title: string): string {
  const boxes: string[] = [];
  let deepest = 0;
  const draw = (call: Call, left: number, row: number) => {
    deepest = Math.max(deepest, row);
    boxes.push(box(call, left, row, root.total));
    let next = left;
    for (const child of [...call.called.values()].toSorted((a, b) => b.total - a.total)) {
      if (child.total < root.total * narrowest) continue;
      draw(child, next, row + 1);
      next += (child.total / root.total) * width;
    }
  };
  draw(root, 0, 0);
  const height = top + (deepest + 1) * rowHeight + 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="Verdana, DejaVu Sans, sans-serif" font-size="10">
<style>rect{stroke:#fff;stroke-width:.5}text{pointer-events:none}g:hover rect{stroke:#000}${Object.values(stages).map((colour, index) => `.s${index} rect{fill:${colour}}`).join('')}</style>
<rect width="${width}" height="${height}" fill="#fff"/><text x="8" y="20" font-size="14">${escaped(title)}</text>
${legend()}
${boxes.join('\n')}
</svg>
`;
}

function box({ name, stage, total }: Call, left: number, row: number, all: number): string {
  const wide = (total / all) * width;
  const y = top + row * rowHeight;
  const fits = Math.floor((wide - 6) / characterWidth);
  const label = fits < 3 ? '' : `<text x="${(left + 3).toFixed(1)}" y="${y + 12}">${escaped(fitting(name, fits))}</text>`;
  return `<g class="s${Object.keys(stages).indexOf(stage)}"><title>${escaped(name)}: ${((total / all) * 100).toFixed(1)} %, ${escaped(stage)}</title><rect x="${left.toFixed(1)}" y="${y}" width="${wide.toFixed(1)}" height="${rowHeight - 1}"/>${label}</g>`;
}

/** Where there is no room for both, the function says more than its file. */
function fitting(name: string, fits: number): string {
  if (name.length <= fits) return name;
  const [called] = name.split(' · ') as [string];
  return called.length <= fits ? called : `${called.slice(0, fits - 1)}…`;
}

const legend = (): string => Object.keys(stages).map((stage, index) => {
  const [x, y] = [8 + (index % 5) * 238, 30 + Math.floor(index / 5) * 17];
  return `<g class="s${index}"><rect x="${x}" y="${y}" width="12" height="12"/><text x="${x + 17}" y="${y + 10}">${stage}</text></g>`;
}).join('');

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
