// The page of the test bank: sends the buyer's decision to the sandbox.
const intent = decodeURIComponent(location.pathname.split('/').pop());
const outcome = document.getElementById('outcome');

async function decide(decision) {
  const answer = await fetch(`/v1/sandbox/intents/${encodeURIComponent(intent)}/authenticate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ outcome: decision }),
  });
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    outcome.textContent = problem.detail ?? `The bank answered ${answer.status}.`;
    return;
  }
  const { return_url: page } = await answer.json();
  outcome.textContent = page ? 'Saved. Back to the shop…' : 'Saved. Go back to the shop to finish the payment.';
  for (const button of document.querySelectorAll('button')) button.disabled = true;
  // For a shop that opened this page in a window of its own.
  window.opener?.postMessage({ intent, outcome: decision }, location.origin);
  // The payment named it, and the server has checked it: nothing in this page's address can.
  if (page) location.assign(page);
}

document.getElementById('yes').addEventListener('click', () => decide('succeeded'));
document.getElementById('no').addEventListener('click', () => decide('failed'));
