// helm-template renders a chart as `helm template site CHART --namespace iot --values FILE` does, with Helm's own packages and
// nothing else of it: Helm itself takes several times as long to build.
package main

import (
	"fmt"
	"os"
	"path"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
)

func main() {
	if len(os.Args) != 4 {
		fail(fmt.Errorf("usage: helm-template CHART VALUES KUBERNETES-VERSION"))
	}
	rendered, err := render(os.Args[1], os.Args[2], os.Args[3])
	if err != nil {
		fail(err)
	}
	fmt.Print(rendered)
}

func render(folder, valuesFile, kubeVersion string) (string, error) {
	chart, err := loader.Load(folder)
	if err != nil {
		return "", err
	}
	values, err := chartutil.ReadValuesFile(valuesFile)
	if err != nil {
		return "", err
	}
	version, err := chartutil.ParseKubeVersion(kubeVersion)
	if err != nil {
		return "", err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = *version
	release := chartutil.ReleaseOptions{Name: "site", Namespace: "iot", Revision: 1, IsInstall: true}
	whole, err := chartutil.ToRenderValues(chart, values, release, capabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(chart, whole)
	if err != nil {
		return "", err
	}
	names := make([]string, 0, len(files))
	for name := range files {
		if path.Base(name) != "NOTES.txt" {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", name, files[name])
	}
	return text.String(), nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "helm-template:", err)
	os.Exit(1)
}
