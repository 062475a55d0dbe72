// Like pg's escapeIdentifier and escapeLiteral (PostgreSQL, 4.1 Lexical Structure); a test compares them.
// Loading pg takes as long as starting Node, so only a connection loads it.

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** Quotes a string for SQL, independent of the setting standard_conforming_strings. */
export function quoteText(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? ` E${quoted}` : quoted
}
