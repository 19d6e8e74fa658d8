/** The shaping file's JSON Schema, as it is published for editors. */
import { LayerEntry, LimitsEntry, ShapingFile } from './shaping-schema.ts';

type Json = Readonly<Record<string, unknown>>;

const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Keywords that only our own messages use. */
const ownKeywords: ReadonlySet<string> = new Set(['expected']);

const plain = (schema: object): string => JSON.stringify(schema);
const shared: ReadonlyMap<string, string> = new Map([
  [plain(LimitsEntry), 'limits'],
  [plain(LayerEntry), 'layer'],
]);

/** What is the same in many places is said once, under `$defs`. */
const published = (value: unknown, whole: unknown = undefined): unknown => {
  if (Array.isArray(value)) return value.map((item) => published(item));
  if (!isJson(value)) return value;
  const name = value === whole ? undefined : shared.get(plain(value));
  if (name !== undefined) return { $ref: `#/$defs/${name}` };
  const keywords = Object.entries(value)
    .filter(([keyword]) => !ownKeywords.has(keyword))
    .map(([keyword, inner]) => [keyword, keyword === 'required' ? withoutDefault(value) : published(inner)]);
  // A name that does not match its pattern is wrong, not free to hold anything.
  return Object.fromEntries(
    'patternProperties' in value ? [...keywords, ['additionalProperties', false]] : keywords,
  );
};

/** What has a default may be left out. */
const withoutDefault = ({ required, properties }: Json): unknown => {
  if (!Array.isArray(required) || !isJson(properties)) return required;
  return required.filter((name: unknown) => {
    const property = properties[String(name)];
    return !isJson(property) || !('default' in property);
  });
};

/** JSON Schema 2020-12. */
export const shapingJsonSchema = (): Json => {
  const file = published(ShapingFile);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Millrace shaping file',
    description:
      'Limits of each lane: default, then isps, then sites, then domains, then sources; each says only what differs',
    ...(isJson(file) ? file : {}),
    $defs: { limits: published(LimitsEntry, LimitsEntry), layer: published(LayerEntry, LayerEntry) },
  };
};
