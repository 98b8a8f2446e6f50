/** Rows as aligned columns, two blanks apart; columns of numbers stand to the right. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const [head] = rows;
  const widths = head.map((_, at) => Math.max(...rows.map((row) => row[at].length)));
  const isNumeric = head.map((_, at) =>
    rows.length > 1 && rows.slice(1).every((row) => /^(?:\d+|-)$/.test(row[at]))
  );
  return rows.map((row) =>
    row.map((cell, at) => isNumeric[at] ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))
      .join("  ").trimEnd()
  ).join("\n");
}
