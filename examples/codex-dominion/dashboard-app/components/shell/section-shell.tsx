import type { ReactNode } from 'react'
import { findSection } from '@/data/site'
import { PageHeader } from './page-header'
import { PageLinks } from './page-links'
import { Sources } from './sources'

/** The frame of a section page that is written by hand: header above, sources and further pages below. */
export function SectionShell({
  slug,
  paths,
  children,
}: {
  slug: string
  paths: string[]
  children: ReactNode
}) {
  const section = findSection(slug)
  if (!section) throw new Error(`data/site.ts has no section "${slug}"`)
  return (
    <>
      <PageHeader title={section.title} description={section.summary} section={section} isSection />
      <div className="space-y-4 sm:space-y-5">{children}</div>
      <Sources paths={paths} />
      <PageLinks
        section={section}
        title={`More on ${section.title === 'AI advisor' ? 'the advisor' : section.title.toLowerCase()}`}
      />
    </>
  )
}
