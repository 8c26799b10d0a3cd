sap.ui.define(["sap/ui/core/mvc/Controller"], function (Controller) {
  "use strict";

  return Controller.extend("stock.Stock", {
    /** The model sends its changes in a changeset, and reads the rows again. */
    saveOnPremise: function () {
      this.getView().getModel("onpremise").submitChanges({ error: this.showProblem.bind(this) });
    },

    /** The model keeps its changes in a group; the rows are read again in the same batch. */
    saveCloud: function () {
      const model = this.getView().getModel("cloud");
      for (const item of this.byId("cloud").getItems()) {
        const context = item.getBindingContext("cloud");
        if (context.hasPendingChanges()) {
          context.requestSideEffects(["ChangedBy"], "changes").catch(this.showProblem.bind(this));
        }
      }
      model.submitBatch("changes").catch(this.showProblem.bind(this));
    },

    /** A request after a failed one is not processed; the failure is its cause. */
    showProblem: function (error) {
      this.byId("problem").setText((error.cause || error).message);
    },
  });
});
