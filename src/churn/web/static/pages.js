// Makes what the forms do happen at once; without it every form still works by its button.
"use strict";
(() => {
  const late = (wait, act) => {
    let timer = 0;
    return (...given) => { clearTimeout(timer); timer = setTimeout(() => act(...given), wait); };
  };
  const address = (form) => `${form.action.split("?")[0]}?${new URLSearchParams(new FormData(form))}`;

  // Takes named parts of the answer into this page, if no newer question has been asked since.
  let asked = 0;
  async function refresh(url, ids) {
    const mine = ++asked;
    const response = await fetch(url, { headers: { Accept: "text/html" } });
    if (!response.ok) return location.assign(url);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (mine !== asked) return undefined;
    for (const id of ids) {
      const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
      if (old && fresh) old.replaceWith(document.adoptNode(fresh));
    }
    history.replaceState(null, "", url);
    return undefined;
  }

  // A slider beside a field of numbers: each follows the other.
  function pair(slider) {
    const field = document.getElementById(slider.dataset.pair);
    slider.hidden = false;
    const take = () => { if (field.value !== "") slider.value = field.value; };
    take();
    field.addEventListener("input", take);
    slider.addEventListener("input", () => {
      field.value = slider.value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
  document.querySelectorAll("[data-pair]").forEach(pair);

  // A hidden field of one form that keeps what is typed into another: the filters forget no number to contact.
  document.querySelectorAll("[data-follows]").forEach((field) => {
    const leader = document.getElementById(field.dataset.follows);
    leader.addEventListener("input", () => { field.value = leader.value; });
  });

  // Forms whose answer replaces a part of the page while one types.
  document.querySelectorAll("form[data-parts]").forEach((form) => {
    const ids = form.dataset.parts.split(" ");
    const act = late(150, () => { if (form.checkValidity()) refresh(address(form), ids); });
    form.addEventListener("input", act);
  });
  // Filters act when one has been chosen.
  document.querySelectorAll("form[data-filter]").forEach((form) => {
    form.addEventListener("change", (event) => { if (event.target.tagName === "SELECT") form.requestSubmit(); });
    form.addEventListener("submit", () => {
      form.querySelectorAll("input,select").forEach((field) => { field.disabled = field.value === ""; });
      setTimeout(() => form.querySelectorAll("input,select").forEach((field) => { field.disabled = false; }), 0);
    });
  });
  document.querySelectorAll("[data-reset]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      button.form.querySelectorAll("[data-own]").forEach((field) => { field.value = field.dataset.own; });
      button.form.querySelector("[data-own]").dispatchEvent(new Event("input", { bubbles: true }));
      document.querySelectorAll("[data-pair]").forEach((slider) => {
        slider.value = document.getElementById(slider.dataset.pair).value;
      });
    });
  });

  // An upload, with how much of it has been sent.
  const upload = document.querySelector("form[data-upload]");
  if (upload) {
    const [bar, words, button] = ["sent", "sent-words", "send"].map((id) => document.getElementById(id));
    const fail = (text) => {
      words.textContent = text;
      words.className = "mistake";
      bar.hidden = true;
      button.disabled = false;
    };
    upload.addEventListener("submit", (event) => {
      event.preventDefault();
      const [file, most] = [upload.elements.file.files[0], Number(upload.dataset.most)];
      const mb = (bytes) => (bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1 });
      if (file && file.size > most) return fail(`The file has ${mb(file.size)} MB; at most ${mb(most)} MB are taken here.`);
      const request = new XMLHttpRequest();
      button.disabled = true;
      bar.hidden = false;
      words.className = "small";
      request.upload.addEventListener("progress", (step) => {
        bar.value = step.total ? step.loaded / step.total : 0;
        words.textContent = `${Math.floor(bar.value * 100)} % of ${(step.total / 1e6).toFixed(1)} MB sent`;
      });
      request.addEventListener("load", () => {
        if (request.status < 400) return location.assign(request.responseURL);
        const page = new DOMParser().parseFromString(request.responseText, "text/html");
        const said = page.querySelector("[role=alert]");
        return fail(said ? said.textContent.trim() : `The server refused it (${request.status}).`);
      });
      request.addEventListener("error", () => fail("The connection broke before all of it was sent. Try again."));
      request.open("POST", upload.action);
      request.send(new FormData(upload));
      return undefined;
    });
  }

  // A job that goes on: ask for its progress, then load its result.
  const job = document.querySelector("[data-job]");
  if (job) {
    const [bar, step] = ["share", "step"].map((id) => document.getElementById(id));
    const look = async () => {
      let found;
      try {
        const response = await fetch(job.dataset.job, { headers: { Accept: "application/json" } });
        if (!response.ok) return location.reload();
        found = await response.json();
      } catch {
        return setTimeout(look, 3000);
      }
      if (!["queued", "running"].includes(found.status)) return location.reload();
      bar.value = found.progress;
      step.textContent = `${found.step}, ${Math.floor(found.progress * 100)} %`;
      return setTimeout(look, 500);
    };
    setTimeout(look, 300);
  }
})();
