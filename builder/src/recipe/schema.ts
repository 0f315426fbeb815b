import schema from '../../img.schema.json' with { type: 'json' };

/** The part of JSON Schema that img.schema.json uses; `checkSchema` knows these keywords and no others. */
export type Schema = {
  /** What the value should be, as messages say it. */
  readonly title: string;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly type: string | readonly string[];
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: { readonly [key: string]: Schema };
  readonly required?: readonly string[];
  readonly maxProperties?: number;
  readonly propertyNames?: { readonly title: string; readonly pattern: string };
  readonly additionalProperties?: false | Schema;
};

/** What an img.yaml may say; the same file that editors complete and check with. */
export const recipeSchema: Schema = schema as Schema;
