// What the pages rely on and the library's types don't know: events of our own carry `detail`, and what a selector finds is an element of a
// page that we have written.

interface Event {
  readonly detail?: any;
}

interface Element {
  readonly dataset: DOMStringMap;
  readonly content?: any;
}

interface Window {
  Stripe?: any;
}
