// Passkeys: asks the browser for one and sends what came back by the form that stands there. Without it, or in a browser
// without passkeys, the form stays hidden, and the password is the way in.
const form = document.querySelector("form[data-passkey]");
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const words = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

if (form && window.PublicKeyCredential) {
  const { challenge, host, user, name } = form.dataset;
  const put = (fields) => { for (const [field, buffer] of Object.entries(fields)) form.elements[field].value = words(buffer); };
  const made = async () => {
    const { response } = await navigator.credentials.create({ publicKey: {
      challenge: bytes(challenge), rp: { id: host, name: host },
      user: { id: new TextEncoder().encode(user), name, displayName: name },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -257 }],
      authenticatorSelection: { residentKey: "required", userVerification: "required" }, attestation: "none",
    } });
    put({ client: response.clientDataJSON, device: response.getAuthenticatorData(), key: response.getPublicKey() });
  };
  const used = async () => {
    const { rawId, response } = await navigator.credentials.get({ publicKey: {
      challenge: bytes(challenge), rpId: host, userVerification: "required",
    } });
    put({ client: response.clientDataJSON, device: response.authenticatorData, credential: rawId, signature: response.signature });
  };
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector("[role=alert]");
    try {
      await (user ? made() : used());
      form.submit();
    } catch (error) {
      said.textContent = `${said.dataset.words} (${error.name})`;
    }
  });
}
