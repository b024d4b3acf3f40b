"use strict";
window.addEventListener("load", () => {
  window.SwaggerUIBundle({
    url: "/v1/openapi.json",
    dom_id: "#description",
    deepLinking: true,
    validatorUrl: null,
    supportedSubmitMethods: [],
  });
});
