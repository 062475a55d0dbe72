import { ArrowRightIcon } from 'lucide-react'
import Link from 'next/link'
import { type ImageName, Picture } from '@/components/picture'

const FEATURES: { image: ImageName; alt: string; title: string; text: string; href: string; link: string }[] =
  [
    {
      image: 'councils',
      alt: 'A lit hall with columns, six figures in front of it',
      title: 'Councils own the outcome',
      text: 'Each council has one purpose, a charter and the agents to carry it out. You see at a glance who answers for what.',
      href: '/councils',
      link: 'Meet the councils',
    },
    {
      image: 'workflows',
      alt: 'Points of light joined by curved lines',
      title: 'Workflows do the work',
      text: 'Start one, and a worker takes it from the queue: all of its steps, or none. The page follows the job until it ends.',
      href: '/workflows',
      link: 'Run a workflow',
    },
    {
      image: 'treasury',
      alt: 'Seven stacks of coins, each higher than the one before',
      title: 'The treasury adds up',
      text: 'Every movement is one row. The balance is simply their sum, so nothing can disagree with it.',
      href: '/treasury',
      link: 'See the books',
    },
    {
      image: 'archives',
      alt: 'Shelves full of books in warm light',
      title: 'The advisor quotes',
      text: 'Ask in plain words. The answer comes from a sealed capsule, and names it. Where there is none, it says so.',
      href: '/ai',
      link: 'Ask a question',
    },
  ]

export function Features() {
  return (
    <ul className="grid gap-6 md:grid-cols-2">
      {FEATURES.map((feature) => (
        <li key={feature.title} className="flex flex-col overflow-hidden rounded-xl border bg-card">
          <Picture
            name={feature.image}
            alt={feature.alt}
            sizes="(min-width: 768px) 36rem, 100vw"
            className="aspect-2/1 w-full object-cover"
          />
          <div className="flex flex-1 flex-col gap-2 p-5 sm:p-6">
            <h3 className="font-display text-xl font-semibold">{feature.title}</h3>
            <p className="text-muted-foreground">{feature.text}</p>
            <Link
              href={feature.href}
              prefetch={false}
              className="group mt-auto inline-flex items-center gap-1.5 pt-2 text-sm font-medium text-primary hover:underline"
            >
              {feature.link}
              <ArrowRightIcon
                className="size-4 transition-transform group-hover:translate-x-0.5"
                aria-hidden
              />
            </Link>
          </div>
        </li>
      ))}
    </ul>
  )
}
