/** A scalar as YAML takes it for what it is; JSON is YAML. */
export function yamlText(value: string): string {
  return /^(?:\.|\.?[A-Za-z/][\w./-]*)$/.test(value) &&
    !/^(?:true|false|null|yes|no|on|off|[yn])$/i.test(value)
    ? value
    : JSON.stringify(value);
}
