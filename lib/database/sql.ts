/*
 * As pg's escapeIdentifier and escapeLiteral do it (PostgreSQL, 4.1 Lexical Structure); a test holds them together. pg
 * itself takes as long to load as bare Node to start, and is loaded where a connection is opened.
 */

/** A name as SQL takes it. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A text as SQL takes it, whatever standard_conforming_strings says of backslashes. */
export function quoteText(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? ` E${quoted}` : quoted
}
