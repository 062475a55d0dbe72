/** What is wrong with a secret's value, as the end of "KEY …"; undefined: nothing. Never tells the value. */
export type SecretRule = (value: string) => string | undefined

/**
 * What Azure asks of the password of a PostgreSQL administrator: 8–128 characters of three of four sorts (`az postgres
 * flexible-server create --help`, --admin-password), and, as the portal says, not containing the login name.
 */
export const postgresPasswordRule =
  (user: string): SecretRule =>
  (value) => {
    if (value.length < 8 || value.length > 128) {
      return `has ${value.length} characters; Azure takes 8 to 128`
    }
    const sorts = [/[a-z]/, /[A-Z]/, /[0-9]/, /[^A-Za-z0-9]/].filter((sort) => sort.test(value)).length
    if (sorts < 3) {
      return `has ${sorts} of the four sorts of characters (upper case, lower case, digits, others); Azure wants three`
    }
    return value.toLowerCase().includes(user.toLowerCase())
      ? 'contains the name of POSTGRES_USER, which Azure refuses'
      : undefined
  }

/** The key signs sessions: too short a one can be guessed. */
export const appSecretKeyRule: SecretRule = (value) =>
  value.length < 16 ? `has ${value.length} characters; 16 is the least (openssl rand -hex 32)` : undefined
