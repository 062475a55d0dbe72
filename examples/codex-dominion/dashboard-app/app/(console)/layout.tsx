import type { ReactNode } from 'react'
import { Brand } from '@/components/shell/brand'
import { MobileNav } from '@/components/shell/mobile-nav'
import { Nav, type NavSection } from '@/components/shell/nav'
import { OperatorButton } from '@/components/shell/operator-button'
import { SignInDialog } from '@/components/shell/sign-in-dialog'
import { ThemeToggle } from '@/components/shell/theme-toggle'
import { SECTIONS } from '@/data/site'

const navSections: NavSection[] = SECTIONS.map(({ slug, title, icon, pages }) => ({
  slug,
  title,
  icon,
  pages: pages.map((page) => ({ slug: page.slug, title: page.title })),
}))

export default function ConsoleLayout({ children }: { children: ReactNode }) {
  return (
    <div className="lg:grid lg:grid-cols-[16.5rem_minmax(0,1fr)]">
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-card px-3 py-2 focus:not-sr-only focus:fixed focus:top-3 focus:left-3"
      >
        Skip to the content
      </a>
      <aside className="sticky top-0 hidden h-dvh flex-col border-r bg-sidebar lg:flex">
        <div className="flex h-16 shrink-0 items-center px-5">
          <Brand />
        </div>
        <Nav sections={navSections} />
      </aside>
      <div className="min-w-0">
        <div className="sticky top-0 z-30 flex h-14 items-center gap-2 border-b bg-background/85 px-4 backdrop-blur lg:h-16 lg:px-8">
          <MobileNav sections={navSections} />
          <div className="lg:hidden">
            <Brand />
          </div>
          <div className="ml-auto flex min-w-0 items-center gap-1">
            <OperatorButton />
            <ThemeToggle />
          </div>
        </div>
        <main id="content" className="mx-auto w-full max-w-6xl px-4 py-7 sm:px-6 lg:px-8 lg:py-9">
          {children}
        </main>
      </div>
      <SignInDialog />
    </div>
  )
}
