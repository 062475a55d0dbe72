import type { Check, QuickContext } from './check.ts'
import { api, apiAreas, backend } from './site/api.ts'
import { certificate } from './site/certificate.ts'
import { clock } from './site/clock.ts'
import { dns } from './site/dns.ts'
import { siteOverIpv6 } from './site/ipv6.ts'
import { frontPage } from './site/pages.ts'
import { redirects } from './site/redirects.ts'

/** The checks of `health --quick`, in display order. It runs every minute, so it loads nothing else. */
export const quickChecks: readonly Check<QuickContext>[] = [
  frontPage,
  api,
  backend,
  ...apiAreas,
  redirects,
  certificate,
  dns,
  siteOverIpv6,
  clock,
]

/** The checks that decide whether the site is up: its front page, then its API. */
export const siteChecks = quickChecks.filter(({ tags }) => tags.includes('site'))
