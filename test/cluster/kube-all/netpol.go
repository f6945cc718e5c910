package main

import (
	"flag"
	"os"
	"os/exec"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// enforcePolicies holds NetworkPolicies on a node whose pods share one bridge: one table of nftables, written anew at each
// change. What the node itself sends (the kubelet's probes, an ingress controller that is a process of the node) is never stopped.
func enforcePolicies() {
	set := flag.NewFlagSet("netpol", flag.ExitOnError)
	kubeconfig := set.String("kubeconfig", "", "how the API server is reached")
	_ = set.Parse(os.Args[1:])
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		klog.Fatal(err)
	}
	factory := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(config), 0)
	pods, namespaces, policies := factory.Core().V1().Pods(), factory.Core().V1().Namespaces(), factory.Networking().V1().NetworkPolicies()
	changed := make(chan struct{}, 1)
	touch := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { touch() },
		UpdateFunc: func(any, any) { touch() },
		DeleteFunc: func(any) { touch() },
	}
	for _, informer := range []cache.SharedIndexInformer{pods.Informer(), namespaces.Informer(), policies.Informer()} {
		_, _ = informer.AddEventHandler(handler)
	}
	factory.Start(nil)
	factory.WaitForCacheSync(nil)
	last := ""
	for range changed {
		// Listing what informers hold cannot fail.
		allPods, _ := pods.Lister().List(labels.Everything())
		allNamespaces, _ := namespaces.Lister().List(labels.Everything())
		allPolicies, _ := policies.Lister().List(labels.Everything())
		rules := renderRules(allPods, allNamespaces, allPolicies)
		if rules != last && !load(rules) {
			// Something is the matter with nft: not to be asked all the time.
			time.Sleep(time.Second)
			touch()
			continue
		}
		last = rules
		// A new pod is several changes in a row: one table for all of them.
		time.Sleep(50 * time.Millisecond)
	}
}

func load(rules string) bool {
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader(rules)
	out, err := nft.CombinedOutput()
	if err != nil {
		klog.Errorf("nft: %v: %s\n%s", err, out, rules)
	}
	return err == nil
}
