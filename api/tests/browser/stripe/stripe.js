// Replaces Stripe.js in the tests: as much of it as the page uses, with a card field in a frame of
// Stripe's origin and requests to the origin of its API. What a card number does is in `mod.rs`.

window.stripeStub = { mounted: 0, options: undefined, listeners: {}, updates: [] };

window.Stripe = (key) => {
  if (!key.startsWith("pk_test_")) throw new Error(`not a key: ${key}`);
  return {
    elements(options) {
      window.stripeStub.options = options;
      const group = { number: "", secret: options.clientSecret };
      group.create = (kind, more) => paymentElement(group, kind, more);
      group.submit = async () =>
        group.number ? {} : { error: { type: "validation_error", code: "incomplete_number", message: "Your card number is incomplete." } };
      group.update = (update) => window.stripeStub.updates.push(update);
      return group;
    },
    confirmPayment: ({ elements, confirmParams, redirect }) => confirmPayment(elements, confirmParams.return_url, redirect),
  };
};

function paymentElement(group, kind, options) {
  if (kind !== "payment" || options.wallets.link !== "never") throw new Error(`not expected: ${kind}`);
  const listeners = (window.stripeStub.listeners = {});
  const frame = document.createElement("iframe");
  frame.src = "https://js.stripe.com/frame";
  frame.title = "Secure payment input frame";
  frame.style.cssText = "display: block; width: 100%; height: 252px; border: 0";
  const { theme, variables } = window.stripeStub.options.appearance;
  const hear = ({ origin, source, data }) => {
    if (origin !== "https://js.stripe.com" || source !== frame.contentWindow) return;
    if (data.ready) {
      frame.contentWindow.postMessage({ theme, variables }, origin);
      listeners.ready?.();
    } else group.number = data.number;
  };
  window.addEventListener("message", hear);
  return {
    on: (name, listener) => (listeners[name] = listener),
    mount(parent) {
      if (!parent.isConnected) throw new Error("the element is not in the document");
      window.stripeStub.mounted += 1;
      parent.append(frame);
    },
    destroy() {
      window.removeEventListener("message", hear);
      window.stripeStub.mounted -= 1;
      frame.remove();
    },
  };
}

async function confirmPayment(group, returnUrl, redirect) {
  if (redirect !== "if_required") throw new Error("every payment would leave the page");
  const intent = group.secret.split("_secret_")[0];
  const body = JSON.stringify({ client_secret: group.secret, number: group.number });
  const answer = await fetch(`https://api.stripe.com/v1/payment_intents/${intent}/confirm`, { method: "POST", body });
  const { error, next } = await answer.json();
  if (error) return { error };
  if (!next) return { paymentIntent: { id: intent } };
  location.assign(`https://hooks.stripe.com/redirect?secret=${group.secret}&return_url=${encodeURIComponent(returnUrl)}`);
  return new Promise(() => {});
}
