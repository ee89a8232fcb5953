/** Rows under headings taken from the first row's keys, in aligned columns. */
export function formatTable(rows: Record<string, string>[]): string[] {
  const headings = Object.keys(rows[0] ?? {});
  const widths = headings.map((heading) => Math.max(heading.length, ...rows.map((row) => (row[heading] ?? '').length)));
  const line = (cells: string[]) => cells.map((cell, index) => cell.padEnd(widths[index]!)).join('  ').trimEnd();
  return rows.length === 0 ? [] : [line(headings.map((heading) => heading.toUpperCase())), ...rows.map((row) => line(headings.map((heading) => row[heading] ?? '')))];
}
