// The extension xk6-sse has no types of its own.

declare module "k6/x/sse" {
  const sse: { open(url: string, params: object, each: (client: unknown) => void): unknown };
  export default sse;
}
