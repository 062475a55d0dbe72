/**
 * Which variables of the operator's environment reach the dashboard's packages. They are written by strangers, and the
 * environment of a deploy holds logins (AZURE_*), agents (SSH_AUTH_SOCK) and secrets. Names count in any case, as on Windows.
 */

const names = new Set([
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'TERM', 'TMPDIR', 'TMP', 'TEMP', 'TZ', 'LANG', 'LANGUAGE'],
  ...['CI', 'NO_COLOR', 'FORCE_COLOR', 'SOURCE_DATE_EPOCH', 'NODE_OPTIONS'],
  // How to get out, and whom to trust there.
  ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'],
  ...['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR'],
  // What Windows needs to start a program.
  ...['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC', 'PATHEXT', 'OS', 'USERNAME', 'USERPROFILE'],
  ...['HOMEDRIVE', 'HOMEPATH', 'APPDATA', 'LOCALAPPDATA', 'PROGRAMDATA', 'PROGRAMFILES', 'PROGRAMFILES(X86)'],
  ...['COMMONPROGRAMFILES', 'NUMBER_OF_PROCESSORS', 'PROCESSOR_ARCHITECTURE'],
  // What a dashboard shows anyway.
  'SITE_URL',
])

/** npm's own settings, and what a .npmrc usually takes a registry's token from. */
const isNpmSetting = (name: string): boolean => name.startsWith('NPM_CONFIG_')
const isRegistryLogin = (name: string): boolean =>
  name === 'NPM_TOKEN' ||
  name === 'NODE_AUTH_TOKEN' ||
  (isNpmSetting(name) && /AUTH|TOKEN|PASSWORD/.test(name))

/** For `npm run build`, which runs the packages: no login of the registry. */
export function isBuildVariable(variable: string): boolean {
  const name = variable.toUpperCase()
  if (isRegistryLogin(name)) return false
  return names.has(name) || isNpmSetting(name) || /^(LC_|NEXT_PUBLIC_)/.test(name)
}

/** For `npm ci --ignore-scripts`, which runs none of them. */
export const isInstallVariable = (variable: string): boolean =>
  isBuildVariable(variable) || isRegistryLogin(variable.toUpperCase())
