import type { Metadata } from 'next'
import { notFound } from 'next/navigation'
import { PageHeader } from '@/components/shell/page-header'
import { PageLinks } from '@/components/shell/page-links'
import { Sources } from '@/components/shell/sources'
import { Widgets } from '@/components/widgets'
import { apiPaths, findSection, SECTIONS } from '@/data/site'

type Props = { params: Promise<{ section: string }> }

export const dynamicParams = false

/** The sections without a page of their own in app/. */
export function generateStaticParams() {
  return SECTIONS.filter((section) => !section.handmade).map((section) => ({ section: section.slug }))
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const section = findSection((await params).section)
  return { title: section?.title, description: section?.summary }
}

export default async function SectionPage({ params }: Props) {
  const section = findSection((await params).section)
  if (!section) notFound()
  const widgets = section.widgets ?? []
  return (
    <>
      <PageHeader title={section.title} description={section.summary} section={section} isSection />
      <Widgets widgets={widgets} />
      <Sources paths={apiPaths(widgets)} />
      <PageLinks section={section} title={`More on ${section.title.toLowerCase()}`} />
    </>
  )
}
