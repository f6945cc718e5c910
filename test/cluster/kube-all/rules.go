package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	core "k8s.io/api/core/v1"
	net "k8s.io/api/networking/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// cluster is what rules are made of: the pods that have an address, and labels of namespaces by name.
type cluster struct {
	pods       []*core.Pod
	namespaces map[string]labels.Set
	policies   []*net.NetworkPolicy
}

// renderRules is the whole table: a chain for each pod and way that a policy closes, with what is let through, and the jumps to them.
func renderRules(pods []*core.Pod, namespaces []*core.Namespace, policies []*net.NetworkPolicy) string {
	c := cluster{namespaces: map[string]labels.Set{}, policies: policies}
	for _, namespace := range namespaces {
		c.namespaces[namespace.Name] = namespace.Labels
	}
	for _, pod := range pods {
		if pod.Status.PodIP != "" && !pod.Spec.HostNetwork && pod.Status.Phase != core.PodSucceeded && pod.Status.Phase != core.PodFailed {
			c.pods = append(c.pods, pod)
		}
	}
	// In one order, so that the same rules are the same text.
	sort.Slice(c.pods, func(i, j int) bool { return c.pods[i].Status.PodIP < c.pods[j].Status.PodIP })
	sort.Slice(c.policies, func(i, j int) bool {
		return c.policies[i].Namespace+"/"+c.policies[i].Name < c.policies[j].Namespace+"/"+c.policies[j].Name
	})
	var jumps, chains strings.Builder
	for number, pod := range c.pods {
		for _, way := range []net.PolicyType{net.PolicyTypeEgress, net.PolicyTypeIngress} {
			allowed, isClosed := c.allowed(pod, way)
			if !isClosed {
				continue
			}
			field := map[net.PolicyType]string{net.PolicyTypeIngress: "daddr", net.PolicyTypeEgress: "saddr"}[way]
			chain := fmt.Sprintf("%s%d", strings.ToLower(string(way)), number)
			fmt.Fprintf(&jumps, "    ip %s %s jump %s\n", field, pod.Status.PodIP, chain)
			fmt.Fprintf(&chains, "  chain %s {\n%s    drop\n  }\n", chain, allowed)
		}
	}
	// The first line makes sure that there is a table to delete: all three are one transaction.
	return "table ip netpol {}\ndelete table ip netpol\ntable ip netpol {\n" + chains.String() +
		"  chain forward {\n    type filter hook forward priority 0;\n    ct state established,related accept\n" + jumps.String() + "  }\n}\n"
}

// allowed is what policies let through to or from a pod, and whether any of them closes it for the rest.
func (c cluster) allowed(pod *core.Pod, way net.PolicyType) (rules string, isClosed bool) {
	for _, policy := range c.policies {
		if policy.Namespace != pod.Namespace || !slices.Contains(policy.Spec.PolicyTypes, way) || !matches(&policy.Spec.PodSelector, pod.Labels) {
			continue
		}
		isClosed = true
		if way == net.PolicyTypeIngress {
			for _, rule := range policy.Spec.Ingress {
				rules += combine(c.peers(policy.Namespace, "saddr", rule.From), ports(rule.Ports, []*core.Pod{pod}))
			}
			continue
		}
		for _, rule := range policy.Spec.Egress {
			rules += combine(c.peers(policy.Namespace, "daddr", rule.To), ports(rule.Ports, c.pods))
		}
	}
	return rules, isClosed
}

func combine(peers, ports []string) (rules string) {
	for _, peer := range peers {
		for _, port := range ports {
			rules += fmt.Sprintf("    %s %s return\n", peer, port)
		}
	}
	return rules
}

// peers is whom a rule names, each as a match of nftables; an empty match for everybody, none for nobody.
func (c cluster) peers(namespace, field string, list []net.NetworkPolicyPeer) (found []string) {
	if len(list) == 0 {
		return []string{""}
	}
	var addresses []string
	for _, peer := range list {
		if peer.IPBlock != nil {
			found = append(found, block(field, peer.IPBlock))
			continue
		}
		for _, pod := range c.pods {
			if c.isPeer(peer, namespace, pod) {
				addresses = append(addresses, pod.Status.PodIP)
			}
		}
	}
	if len(addresses) > 0 {
		slices.Sort(addresses)
		found = append(found, fmt.Sprintf("ip %s { %s }", field, strings.Join(slices.Compact(addresses), ", ")))
	}
	return found
}

func block(field string, b *net.IPBlock) string {
	match := fmt.Sprintf("ip %s %s", field, b.CIDR)
	if len(b.Except) > 0 {
		match += fmt.Sprintf(" ip %s != { %s }", field, strings.Join(b.Except, ", "))
	}
	return match
}

// isPeer: without a selector of namespaces only those of the policy's own are meant, without one of pods all of them.
func (c cluster) isPeer(peer net.NetworkPolicyPeer, namespace string, pod *core.Pod) bool {
	if peer.NamespaceSelector == nil && pod.Namespace != namespace {
		return false
	}
	if peer.NamespaceSelector != nil && !matches(peer.NamespaceSelector, c.namespaces[pod.Namespace]) {
		return false
	}
	return peer.PodSelector == nil || matches(peer.PodSelector, pod.Labels)
}

// ports is what a rule opens, each as a match of nftables; a named port is looked up in the pods that the rule lets traffic reach.
func ports(list []net.NetworkPolicyPort, to []*core.Pod) (found []string) {
	if len(list) == 0 {
		return []string{""}
	}
	for _, port := range list {
		protocol := "tcp"
		if port.Protocol != nil {
			protocol = strings.ToLower(string(*port.Protocol))
		}
		switch {
		case port.Port == nil:
			found = append(found, "ip protocol "+protocol)
		case port.Port.StrVal != "":
			found = append(found, named(port.Port.StrVal, protocol, to)...)
		case port.EndPort != nil:
			found = append(found, fmt.Sprintf("%s dport %d-%d", protocol, port.Port.IntVal, *port.EndPort))
		default:
			found = append(found, fmt.Sprintf("%s dport %d", protocol, port.Port.IntVal))
		}
	}
	return found
}

func named(name, protocol string, to []*core.Pod) (found []string) {
	for _, pod := range to {
		for _, container := range pod.Spec.Containers {
			for _, port := range container.Ports {
				if port.Name == name {
					found = append(found, fmt.Sprintf("ip daddr %s %s dport %d", pod.Status.PodIP, protocol, port.ContainerPort))
				}
			}
		}
	}
	return found
}

func matches(selector *meta.LabelSelector, set labels.Set) bool {
	parsed, err := meta.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(set)
}
