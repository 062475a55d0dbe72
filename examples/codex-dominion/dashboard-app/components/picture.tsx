import manifest from '@/images/manifest.json'

export type ImageName = (typeof manifest.images)[number]['name']

type Props = {
  name: ImageName
  alt: string
  /** The `sizes` attribute: the displayed width of the image, from which the browser chooses a variant. */
  sizes: string
  className?: string
  /** Load immediately and first: for the one image above the fold. */
  priority?: boolean
}

/** An image in the variants made by scripts/optimize-images.mjs: AVIF preferred, otherwise WebP. */
export function Picture({ name, alt, sizes, className, priority }: Props) {
  const image = manifest.images.find((one) => one.name === name)
  if (!image)
    throw new Error(`images/manifest.json has no image "${name}": add it there, with its SVG beside it`)
  const srcSet = (format: string) =>
    image.widths.map((width) => `/images/${name}-${width}.${format} ${width}w`).join(', ')
  const middle = image.widths[Math.floor(image.widths.length / 2)]
  return (
    <picture className="block">
      <source type="image/avif" srcSet={srcSet('avif')} sizes={sizes} />
      <source type="image/webp" srcSet={srcSet('webp')} sizes={sizes} />
      <img
        src={`/images/${name}-${middle}.webp`}
        alt={alt}
        width={image.width}
        height={image.height}
        className={className}
        loading={priority ? 'eager' : 'lazy'}
        fetchPriority={priority ? 'high' : undefined}
        decoding="async"
      />
    </picture>
  )
}
