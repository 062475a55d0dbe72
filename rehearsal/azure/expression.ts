import { badRequest } from './errors.ts'

/** A parsed ARM template expression, such as `concat('a', parameters('b').c[0])`. */
export type Expression =
  | { kind: 'literal'; value: string | number | boolean | null }
  | { kind: 'call'; name: string; arguments: Expression[] }
  | { kind: 'member'; of: Expression; key: Expression }

const tokenForm = /\s*(?:('(?:[^']|'')*')|(-?\d+(?![\w.]))|([A-Za-z_$][\w$]*)|([().,[\]]))/y

function tokens(text: string): string[] {
  const found: string[] = []
  tokenForm.lastIndex = 0
  while (tokenForm.lastIndex < text.trimEnd().length) {
    const at = tokenForm.lastIndex
    const match = tokenForm.exec(text)
    if (!match)
      throw badRequest(
        'InvalidTemplate',
        `Unable to parse language expression '${text}': unexpected character at position ${at}.`,
      )
    found.push(match[0].trim())
  }
  return found
}

/**
 * Parses the text between `[` and `]` in a template. Source: "Syntax and expressions in ARM templates" of
 * Azure Resource Manager's documentation.
 */
export function parseExpression(text: string): Expression {
  const list = tokens(text)
  let at = 0
  const fail = (): never => {
    throw badRequest(
      'InvalidTemplate',
      `Unable to parse language expression '${text}': unexpected '${list[at] ?? 'end'}' in place ${at + 1}.`,
    )
  }
  const take = (wanted: string): void => {
    if (list[at] !== wanted) fail()
    at += 1
  }
  const primary = (): Expression => {
    const token = list[at] ?? fail()
    at += 1
    if (token.startsWith("'")) return { kind: 'literal', value: token.slice(1, -1).replaceAll("''", "'") }
    if (/^-?\d/.test(token)) return { kind: 'literal', value: Number(token) }
    if (token === 'true' || token === 'false') {
      if (list[at] !== '(') return { kind: 'literal', value: token === 'true' }
    }
    if (token === 'null' && list[at] !== '(') return { kind: 'literal', value: null }
    if (!/^[A-Za-z_$]/.test(token)) {
      at -= 1
      return fail()
    }
    take('(')
    const values: Expression[] = []
    while (list[at] !== ')') {
      values.push(postfix())
      if (list[at] === ',') at += 1
      else if (list[at] !== ')') fail()
    }
    at += 1
    return { kind: 'call', name: token, arguments: values }
  }
  const postfix = (): Expression => {
    let value = primary()
    for (;;) {
      if (list[at] === '.') {
        const key = list[at + 1] ?? fail()
        at += 2
        value = { kind: 'member', of: value, key: { kind: 'literal', value: key } }
      } else if (list[at] === '[') {
        at += 1
        const key = postfix()
        take(']')
        value = { kind: 'member', of: value, key }
      } else return value
    }
  }
  const whole = postfix()
  if (at < list.length) fail()
  return whole
}

/** The expression in a template string, or undefined when the string is plain text (`[[` escapes a bracket). */
export function expressionIn(text: string): string | undefined {
  return text.startsWith('[') && text.endsWith(']') && !text.startsWith('[[') ? text.slice(1, -1) : undefined
}

/** Every call of a function inside an expression. */
export function listCalls(expression: Expression, name: string): Extract<Expression, { kind: 'call' }>[] {
  if (expression.kind === 'literal') return []
  if (expression.kind === 'member')
    return [...listCalls(expression.of, name), ...listCalls(expression.key, name)]
  const inside = expression.arguments.flatMap((each) => listCalls(each, name))
  return expression.name.toLowerCase() === name ? [expression, ...inside] : inside
}
