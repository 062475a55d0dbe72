import type { Machine } from '../machine.ts'

/** What can be wrong with a rented server: the shell scripts that bring it about and undo it, each as often as wanted. */
const faults: Readonly<Record<string, { on: string; off: string }>> = {
  /** The first of its name servers does not answer (192.0.2.0/24 is for documentation: RFC 5737). */
  nameserver: {
    on: "grep -qx 'nameserver 192.0.2.1' /etc/resolv.conf || sed -i '1i nameserver 192.0.2.1' /etc/resolv.conf",
    off: "sed -i '/^nameserver 192.0.2.1$/d' /etc/resolv.conf",
  },
  /** A program called apache2 listens on port 80; a bare server has perl, but no python3. */
  apache: {
    on: `[ -s /run/apache2.pid ] || setsid -f perl -MSocket -e '
      socket(S, PF_INET, SOCK_STREAM, 0) && setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1) or die;
      bind(S, sockaddr_in(80, INADDR_ANY)) && listen(S, 5) or die "port 80: $!";
      $0 = "apache2"; open(P, ">", "/run/apache2.pid"); print P $$; close P; sleep 3600
    ' > /run/apache2.log 2>&1 < /dev/null
    for try in 1 2 3 4 5 6 7 8 9 10; do [ ! -s /run/apache2.pid ] || exit 0; sleep 0.2; done; cat /run/apache2.log >&2; exit 1`,
    off: '[ ! -s /run/apache2.pid ] || kill "$(cat /run/apache2.pid)"; rm -f /run/apache2.pid',
  },
  /** The login shell prints something before each command. */
  noise: {
    on: "grep -qx 'echo hello' /root/.bashrc || echo 'echo hello' >> /root/.bashrc",
    off: "[ ! -f /root/.bashrc ] || sed -i '/^echo hello$/d' /root/.bashrc",
  },
  /** Sessions speak German, as after update-locale. */
  locale: {
    on: `export LC_ALL=C DEBIAN_FRONTEND=noninteractive
    { command -v localedef && [ -d /usr/share/i18n/locales ]; } > /dev/null ||
      { apt-get -q update && apt-get -q install -y --no-install-recommends locales; } > /dev/null || exit
    localedef -i de_DE -f UTF-8 de_DE.UTF-8 && update-locale --reset LANG=de_DE.UTF-8 &&
      sed -i 's/^UsePAM .*/UsePAM yes/' /etc/ssh/sshd_config && systemctl restart ssh`,
    off: 'update-locale --reset',
  },
}

/** Turns a fault of the VPS on or off. Throws for an unknown one, and with the output of a script that fails. */
export async function setVpsFault(machine: Machine, name: string, on: boolean): Promise<void> {
  const fault = faults[name]
  if (!fault) throw new Error(`The VPS has no fault ${name}; there are ${Object.keys(faults).join(', ')}.`)
  const { code, stdout, stderr } = await machine.run(['sh', '-c', on ? fault.on : fault.off])
  if (code !== 0) throw new Error(`The fault ${name} failed: ${(stderr || stdout).trim()}`)
}
